//! One segment while it is written, file by file, with a running account of its tokens.

use super::cut::{Beginning, beginning};
use super::fence::{Fence, Trust, fence};
use super::profile::Profile;
use super::selection::Named;
use super::token_counts::TokenCounts;
use super::{ListedFile, Segment, Shown};
use crate::backend::{clock, tokens};
use crate::model::digest::Digest;
use crate::model::object::Revision;
use crate::model::path::Mount;
use crate::model::snapshot::Seconds;

/// What the attribute `cut` adds to an opening line.
const CUT_TOKENS: usize = 24;

/// A finished segment, and what the block says of it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) segment: Segment,
    pub(super) files: Vec<ListedFile>,
    pub(super) warnings: Vec<String>,
    /// The newest commit that touched a file shown here. Of two in one second the larger id counts: no order is known,
    /// and it must be the same one every time.
    pub(super) newest: Option<(Seconds, Revision)>,
}

/// A segment that is being written.
#[derive(Clone)]
pub(super) struct Draft<'a> {
    mount: Mount,
    profile: Profile,
    counts: &'a TokenCounts,
    text: String,
    tokens: usize,
    printed: Vec<ListedFile>,
    named: Vec<ListedFile>,
    left_out: usize,
    warnings: Vec<String>,
    newest: Option<(Seconds, Revision)>,
}

impl<'a> Draft<'a> {
    /// Begins a segment with a text that introduces it.
    pub(super) fn new(
        mount: Mount,
        profile: Profile,
        counts: &'a TokenCounts,
        introduction: &str,
    ) -> Self {
        let mut draft = Self {
            mount,
            profile,
            counts,
            text: String::new(),
            tokens: 0,
            printed: Vec::new(),
            named: Vec::new(),
            left_out: 0,
            warnings: Vec::new(),
            newest: None,
        };
        draft.push(introduction);
        draft
    }

    /// The tokens so far.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Prints a file whole.
    pub(super) fn print(&mut self, named: &Named) {
        let tokens = self.counts.of(&named.file);
        let fence = self.fence(named, &named.file.text, None);
        self.push_fenced(named, &fence, &named.file.text);
        self.tokens += tokens;
        self.printed.push(listed(named, Shown::Whole, tokens));
    }

    /// Prints a file whole if it fits into `room` tokens, else its first sections, else its name.
    pub(super) fn print_within(&mut self, named: &Named, room: usize) {
        let tokens = self.counts.of(&named.file);
        let fence_tokens = self.fence(named, &named.file.text, None).tokens();
        if tokens + fence_tokens <= room {
            return self.print(named);
        }
        let Some(cut) = beginning(
            &named.file.text,
            room.saturating_sub(fence_tokens + CUT_TOKENS),
        ) else {
            self.warn(format!("{} does not fit and is only named", named.path));
            return self.name(named);
        };
        self.warn(format!(
            "{} is cut: {} of its {tokens} tokens fit",
            named.path, cut.tokens
        ));
        self.print_cut(named, &cut);
    }

    /// Names a file at the segment's end.
    pub(super) fn name(&mut self, named: &Named) {
        self.tokens += tokens::count(&format!(", {}", self.profile.name(&named.path)));
        self.named.push(listed(named, Shown::No, 0));
    }

    /// Names the first of many files, and tells how many there are beside.
    pub(super) fn name_some(&mut self, files: &[Named]) {
        let (first, rest) = files.split_at(files.len().min(names_max(self.mount)));
        first.iter().for_each(|named| self.name(named));
        self.left_out = rest.len();
    }

    /// Adds a sentence for people.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Ends the segment.
    pub(super) fn finish(mut self) -> Part {
        match (self.printed.is_empty(), self.named.is_empty()) {
            (true, true) => self.push("\nNothing is written here yet.\n"),
            (_, true) => {}
            (_, false) => self.push_names(),
        }
        let sha256 = Digest::of(self.text.as_bytes()).to_string();
        let name = self.mount.as_str();
        let segment = Segment {
            name,
            text: self.text.into(),
            tokens: self.tokens,
            sha256,
        };
        let files = [self.printed, self.named].concat();
        Part {
            segment,
            files,
            warnings: self.warnings,
            newest: self.newest,
        }
    }

    fn print_cut(&mut self, named: &Named, cut: &Beginning<'_>) {
        let lines = named.file.text.split_inclusive('\n').count();
        let mut note = format!("lines 1-{} of {lines}", cut.lines);
        if let Some(tools) = self.profile.words().tools {
            note.push_str(&format!("; {} has the rest", tools.read));
        }
        let fence = self.fence(named, cut.text, Some(&note));
        self.push_fenced(named, &fence, cut.text);
        self.tokens += cut.tokens;
        self.printed.push(listed(named, Shown::Cut, cut.tokens));
    }

    fn fence(&self, named: &Named, text: &str, cut: Option<&str>) -> Fence {
        let trust = if self.mount == Mount::Shared {
            Trust::Reviewed
        } else {
            Trust::Noted
        };
        fence(&self.profile.name(&named.path), text, cut, trust)
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.tokens += tokens::count(text);
    }

    /// The tokens of `text` are left to the caller, who has counted them.
    fn push_fenced(&mut self, named: &Named, fence: &Fence, text: &str) {
        if fence.is_imitated {
            self.warn(format!("{} holds text that imitates a fence", named.path));
        }
        for piece in ["\n", &fence.opening, text, &fence.closing] {
            self.text.push_str(piece);
        }
        self.tokens += fence.tokens();
        self.newest = self
            .newest
            .max(Some((named.file.updated_at, named.file.revision)));
    }

    /// The names on one line. Their own tokens were counted when they came.
    fn push_names(&mut self) {
        let how = self
            .profile
            .words()
            .tools
            .map(|tools| format!(" (`{}` has them)", tools.read));
        self.push(&format!("\nNot printed{}: ", how.unwrap_or_default()));
        let names: Vec<_> = self
            .named
            .iter()
            .map(|file| self.profile.name(&file.path))
            .collect();
        self.text.push_str(&names.join(", "));
        if self.left_out > 0 {
            self.push(&format!(" and {} more", self.left_out));
        }
        self.text.push('\n');
    }
}

fn listed(named: &Named, shown: Shown, tokens: usize) -> ListedFile {
    let Named { path, file } = named;
    ListedFile {
        path: path.clone(),
        blob_id: file.blob,
        revision: file.revision,
        updated_at: clock::iso(file.updated_at),
        bytes: file.text.len(),
        tokens,
        shown,
    }
}

/// How many files one segment names that it does not print. Of a user's files more matter than of the shared ones,
/// which have an index.
fn names_max(mount: Mount) -> usize {
    match mount {
        Mount::Shared => 20,
        Mount::Team | Mount::User => 30,
    }
}
