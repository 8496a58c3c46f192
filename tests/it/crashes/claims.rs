//! Who wrote what, and what they were promised.

/// One text at one path, or its end, as somebody wants it.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) path: String,
    pub(super) text: Option<String>,
    /// How many events there were when it was asked for.
    made: usize,
    /// How many there were when it was acknowledged, or written through by a person.
    promised: Option<usize>,
    /// The writer was told that nothing was changed.
    is_refused: bool,
    /// Claims of one number stand together or not at all.
    pub(super) edit: usize,
}

/// All claims, in the order in which they were made; the files that were there before come first.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Vec<Claim>);

impl Claims {
    /// The files of a repository before anybody served it.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut claims = Self::default();
        for (path, text) in files {
            let edit = claims.make(0, &[(path, Some(text))]);
            claims.promise(edit, 0);
        }
        claims
    }

    /// Somebody asks for texts at some paths, all of them or none. Gives the number of the wish.
    pub(super) fn make(&mut self, events: usize, wanted: &[(&str, Option<&str>)]) -> usize {
        let edit = self.0.len();
        let claim = |(path, text): &(&str, Option<&str>)| Claim {
            path: (*path).to_owned(),
            text: text.map(str::to_owned),
            made: events,
            promised: None,
            is_refused: false,
            edit,
        };
        self.0.extend(wanted.iter().map(claim));
        edit
    }

    /// They were told that they have it.
    pub(super) fn promise(&mut self, edit: usize, events: usize) {
        self.of_edit(edit)
            .for_each(|claim| claim.promised = Some(events));
    }

    pub(super) fn is_promised(&self, edit: usize) -> bool {
        let mut claims = self.0.iter().filter(|claim| claim.edit == edit);
        claims.all(|claim| claim.promised.is_some())
    }

    /// They were told that nothing was changed.
    pub(super) fn refuse(&mut self, edit: usize) {
        self.of_edit(edit).for_each(|claim| claim.is_refused = true);
    }

    fn of_edit(&mut self, edit: usize) -> impl Iterator<Item = &mut Claim> {
        self.0.iter_mut().filter(move |claim| claim.edit == edit)
    }

    /// The claims as they stood after some events, all of that in the past.
    pub(super) fn at(&self, events: usize) -> Self {
        let made = self
            .0
            .iter()
            .filter(|claim| claim.made < events || claim.made == 0)
            .cloned();
        let then = |claim: Claim| {
            let promised = claim
                .promised
                .filter(|promised| *promised <= events)
                .map(|_| 0);
            Claim {
                made: 0,
                promised,
                is_refused: claim.is_refused && promised.is_none(),
                ..claim
            }
        };
        Self(made.map(then).collect())
    }

    /// Every path that anybody wrote to.
    pub(super) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<_> = self.0.iter().map(|claim| claim.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Whether somebody wrote this, and was not told that it was refused.
    pub(super) fn has(&self, path: &str, text: &str) -> bool {
        self.0.iter().any(|claim| {
            claim.path == path && claim.text.as_deref() == Some(text) && !claim.is_refused
        })
    }

    /// The texts that must be in history.
    pub(super) fn promised(&self) -> impl Iterator<Item = (&str, &str)> {
        let promised = self.0.iter().filter(|claim| claim.promised.is_some());
        promised.filter_map(|claim| Some((claim.path.as_str(), claim.text.as_deref()?)))
    }

    /// What may stand at a path: what was promised last, and what was asked for later.
    pub(super) fn allowed(&self, path: &str) -> Vec<Option<&str>> {
        let of_path: Vec<_> = self.0.iter().filter(|claim| claim.path == path).collect();
        let last = of_path.iter().rposition(|claim| claim.promised.is_some());
        let before = last.is_none().then_some(None);
        let after = of_path[last.unwrap_or(0)..]
            .iter()
            .filter(|claim| !claim.is_refused);
        before
            .into_iter()
            .chain(after.map(|claim| claim.text.as_deref()))
            .collect()
    }

    /// The wishes for several paths that are the last for each of these.
    pub(super) fn together(&self) -> Vec<Vec<&Claim>> {
        let is_last = |claim: &Claim| {
            self.0
                .iter()
                .rfind(|other| other.path == claim.path)
                .map(|l| l.edit)
                == Some(claim.edit)
        };
        let groups = self.0.chunk_by(|one, other| one.edit == other.edit);
        let whole = groups.filter(|group| group.len() > 1 && group.iter().all(is_last));
        whole.map(|group| group.iter().collect()).collect()
    }
}
