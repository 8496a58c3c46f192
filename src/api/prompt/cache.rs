//! Blocks that are rendered once and sent many times.
//!
//! An agent asks for its block before every turn, and between two turns little changes. So a question that was
//! answered at the same revision is answered at once; at a later one the files that the answer depends on are compared
//! by a fingerprint of their names and ids; and only when that differs is the block rendered again. The first segment
//! is remembered apart from the blocks, since all users have the same.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use serde_json::json;

use super::draft::Part;
use super::generations::Generations;
use super::rendering::Rendering;
use super::token_counts::TokenCounts;
use super::{Profile, PromptBlock, PromptRequest, PromptSettings};
use crate::model::digest::Digest;
use crate::model::limits::{PROMPT_BLOCKS_BYTES_MAX, PROMPT_OPENINGS_BYTES_MAX};
use crate::model::object::Revision;
use crate::model::path::{Layout, Mount, Owners};
use crate::model::snapshot::Snapshot;

/// What the text of a block weighs with its forms: itself, twice in JSON, once more for Anthropic.
const FORMS: usize = 4;

/// One form of a block, ready to be sent.
#[derive(Debug)]
pub struct Representation {
    /// The body.
    pub body: Arc<[u8]>,
    /// Its name among the bodies of this URL: the value of the `ETag` header, quotes included.
    pub etag: String,
}

/// A block and its forms, each made when it is first asked for.
#[derive(Debug)]
pub struct Rendered {
    /// The block itself.
    pub block: PromptBlock,
    json: OnceLock<Representation>,
    markdown: OnceLock<Representation>,
    anthropic: OnceLock<Representation>,
}

impl Rendered {
    fn new(block: PromptBlock) -> Self {
        Self {
            block,
            json: OnceLock::new(),
            markdown: OnceLock::new(),
            anthropic: OnceLock::new(),
        }
    }

    /// The whole block as JSON.
    pub fn json(&self) -> &Representation {
        self.json
            .get_or_init(|| Representation::of_json(&self.block))
    }

    /// The text alone.
    pub fn markdown(&self) -> &Representation {
        self.markdown
            .get_or_init(|| Representation::new(self.block.prompt_block.clone().into()))
    }

    /// The segments as `system` blocks of Anthropic's Messages API. The first one ends the prefix that their cache may
    /// keep for all users.
    pub fn anthropic(&self) -> &Representation {
        self.anthropic.get_or_init(|| {
            let texts = self
                .block
                .segments
                .iter()
                .map(|segment| json!({ "type": "text", "text": segment.text }));
            let mut blocks: Vec<_> = texts.collect();
            blocks[0]["cache_control"] = json!({ "type": "ephemeral" });
            Representation::of_json(&json!({ "system": blocks }))
        })
    }
}

impl Representation {
    fn of_json(value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value)
            .expect("maps with text keys are JSON, and memory takes every byte");
        Self::new(json.into())
    }

    fn new(body: Arc<[u8]>) -> Self {
        Self {
            etag: format!("\"{}\"", Digest::of(&body)),
            body,
        }
    }
}

/// The blocks of one memory, for as long as its settings stay what they are.
pub struct PromptCache {
    layout: Layout,
    settings: PromptSettings,
    counts: TokenCounts,
    /// Keyed anew in every process, so that nobody can make two different folders look the same.
    hashing: RandomState,
    shared: Mutex<Option<(Revision, u64)>>,
    openings: Verified<Opening, Part>,
    blocks: Verified<PromptRequest, Rendered>,
}

/// All that a first segment depends on beside settings and files.
#[derive(PartialEq, Eq, Hash)]
struct Opening {
    profile: Profile,
    writes: bool,
    max_tokens: Option<usize>,
}

impl PromptCache {
    /// A cache without blocks.
    pub fn new(layout: Layout, settings: PromptSettings) -> Self {
        Self {
            layout,
            settings,
            counts: TokenCounts::default(),
            hashing: RandomState::new(),
            shared: Mutex::new(None),
            openings: Verified::new(PROMPT_OPENINGS_BYTES_MAX),
            blocks: Verified::new(PROMPT_BLOCKS_BYTES_MAX),
        }
    }

    /// The block that [`super::render`] gives; the same one again as long as nothing that it depends on has changed.
    pub fn get(&self, snapshot: &Snapshot, request: &PromptRequest) -> Arc<Rendered> {
        let at = snapshot.revision;
        if let Some(known) = self.blocks.known_at(request, at) {
            return known;
        }
        let seen = Seen {
            at,
            fingerprint: self.fingerprint(snapshot, request),
        };
        if let Some(unchanged) = self.blocks.unchanged(request, seen) {
            return unchanged;
        }
        // Two callers may come here with the same question: rendering twice costs less than waiting for each other.
        let rendered = self.render(snapshot, request);
        let weight = rendered.block.prompt_block.len() * FORMS;
        self.blocks.insert(request.clone(), seen, rendered, weight)
    }

    fn render(&self, snapshot: &Snapshot, request: &PromptRequest) -> Rendered {
        let (layout, settings, counts) = (self.layout, &self.settings, &self.counts);
        let rendering = Rendering {
            snapshot,
            layout,
            settings,
            request,
            counts,
        };
        Rendered::new(rendering.block(&self.opening(&rendering)))
    }

    fn opening(&self, rendering: &Rendering<'_>) -> Arc<Part> {
        let PromptRequest {
            profile,
            writes,
            max_tokens,
            ..
        } = *rendering.request;
        let key = Opening {
            profile,
            writes,
            max_tokens,
        };
        let fingerprint = self.shared_fingerprint(rendering.snapshot);
        let seen = Seen {
            at: rendering.snapshot.revision,
            fingerprint,
        };
        if let Some(unchanged) = self.openings.unchanged(&key, seen) {
            return unchanged;
        }
        let part = rendering.opening();
        let weight = part.segment.text.len();
        self.openings.insert(key, seen, part, weight)
    }

    /// A number for all files that the answer depends on: those of `shared/`, of the team and of the user.
    fn fingerprint(&self, snapshot: &Snapshot, request: &PromptRequest) -> u64 {
        let owners = Owners {
            user: request.user.as_ref(),
            team: request.team.as_ref(),
        };
        let mut hasher = self.hashing.build_hasher();
        hasher.write_u64(self.shared_fingerprint(snapshot));
        for mount in [Mount::Team, Mount::User] {
            if let Ok(folder) = self.layout.folder(mount, owners) {
                hash_folder(snapshot, &folder, &mut hasher);
            }
        }
        hasher.finish()
    }

    fn shared_fingerprint(&self, snapshot: &Snapshot) -> u64 {
        if let Some((at, fingerprint)) = *lock(&self.shared)
            && at == snapshot.revision
        {
            return fingerprint;
        }
        let mut hasher = self.hashing.build_hasher();
        hash_folder(snapshot, "shared/", &mut hasher);
        let fingerprint = hasher.finish();
        *lock(&self.shared) = Some((snapshot.revision, fingerprint));
        fingerprint
    }
}

fn hash_folder(snapshot: &Snapshot, folder: &str, hasher: &mut impl Hasher) {
    for (path, file) in snapshot.under(folder) {
        (path, file.blob, file.revision, file.updated_at).hash(hasher);
    }
    // Else a file could move from the end of one folder to the start of the next unseen.
    hasher.write_u8(0);
}

/// Values that hold for certain files, with what was seen of these.
struct Verified<K, V>(Mutex<Generations<K, (Seen, Arc<V>)>>);

/// The files that a value depends on.
#[derive(Clone, Copy)]
struct Seen {
    /// A revision at which they are so.
    at: Revision,
    /// What tells them from others.
    fingerprint: u64,
}

impl<K: Hash + Eq, V> Verified<K, V> {
    fn new(bytes_max: usize) -> Self {
        Self(Mutex::new(Generations::new(bytes_max)))
    }

    /// The value, if it is known to hold at this revision.
    fn known_at(&self, key: &K, at: Revision) -> Option<Arc<V>> {
        let mut entries = lock(&self.0);
        let (seen, value) = entries.get(key)?;
        (seen.at == at).then(|| value.clone())
    }

    /// The value, if it holds for these files; from now on it is known to hold at their revision.
    fn unchanged(&self, key: &K, now: Seen) -> Option<Arc<V>> {
        let mut entries = lock(&self.0);
        let (seen, value) = entries.get(key)?;
        (seen.fingerprint == now.fingerprint).then(|| {
            *seen = now;
            value.clone()
        })
    }

    fn insert(&self, key: K, seen: Seen, value: V, weight: usize) -> Arc<V> {
        let value = Arc::new(value);
        lock(&self.0).insert(key, (seen, value.clone()), weight);
        value
    }
}

/// A panic elsewhere leaves nothing half done behind these locks: each is held for one look or one insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
