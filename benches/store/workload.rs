//! What is written: whose files there are, and an endless supply of new texts for them.

use std::sync::Arc;

use memoryd::model::edit::{Edit, Precondition, Provenance, Step, Target};
use memoryd::model::message::Author;
use memoryd::model::path::{Fanout, Layout, RepoPath, UserId};
use memoryd::model::screening::Screening;

use crate::Outcome;

/// Who writes, in every contender.
pub(crate) const AUTHOR: (&str, &str) = ("support-bot", "support-bot@agents.memoryd");

const FILES: [&str; 4] = ["index.md", "profile.md", "projects.md", "notes.md"];
const TEXT_BYTES: usize = 1024;
const LINE_BYTES: usize = 72;

/// How many users there are, and how their folders lie.
pub(crate) struct Shape {
    /// As the tables call it.
    pub(crate) name: &'static str,
    users: u64,
    fanout: Fanout,
}

/// A memory as most begin, and one as large as those that spread their users' folders.
pub(crate) const SHAPES: [Shape; 2] = [
    Shape {
        name: "1k-flat",
        users: 1_000,
        fanout: Fanout::Flat,
    },
    Shape {
        name: "10k-fanout",
        users: 10_000,
        fanout: Fanout::TwoHex,
    },
];

/// Everybody's files.
pub(crate) struct Workload {
    /// How ids map to folders.
    pub(crate) layout: Layout,
    files: Vec<(Arc<str>, RepoPath)>,
}

/// New text for one file.
#[derive(Clone)]
pub(crate) struct Write {
    /// Whose file it is.
    pub(crate) user: Arc<str>,
    /// Where it lies.
    pub(crate) path: RepoPath,
    /// Its new text.
    pub(crate) text: Arc<str>,
}

impl Workload {
    /// Makes the users of a shape, always the same ones.
    pub(crate) fn new(shape: &Shape) -> Outcome<Self> {
        let layout = Layout {
            user_fanout: shape.fanout,
        };
        let mut chance = Chance(0);
        let mut files = Vec::new();
        for _ in 0..shape.users {
            let id = format!("{:08x}", chance.next() >> 32);
            let folder = layout.user_folder(&UserId::parse(&id)?);
            let user: Arc<str> = id.into();
            for file in FILES {
                files.push((
                    Arc::clone(&user),
                    RepoPath::parse(&format!("{folder}{file}"))?,
                ));
            }
        }
        Ok(Self { layout, files })
    }

    /// Every file with its first text, in no order.
    pub(crate) fn seed(&self) -> impl Iterator<Item = Write> {
        let mut chance = Chance(1);
        self.files.iter().map(move |file| write(file, &mut chance))
    }

    /// What one writer writes, without end. Another number is another sequence.
    pub(crate) fn writes(&self, number: u64) -> impl Iterator<Item = Write> {
        let mut chance = Chance(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        std::iter::repeat_with(move || {
            let file = chance.next() as usize % self.files.len();
            write(&self.files[file], &mut chance)
        })
    }
}

impl Write {
    /// The write as a wish to the store.
    pub(crate) fn edit(&self) -> Edit {
        let target = Target {
            path: self.path.clone(),
            name: self.path.to_string(),
        };
        Edit {
            steps: vec![(
                Step::Write {
                    target,
                    text: Arc::clone(&self.text),
                },
                Precondition::Any,
            )],
            provenance: Provenance {
                actor: Some(AUTHOR.0.to_owned()),
                user: Some(self.user.to_string()),
                ..Provenance::by(Author::new(AUTHOR.0, AUTHOR.1))
            },
            file_bytes_max: TEXT_BYTES,
            screening: Screening::default(),
        }
    }

    /// What the commit says: the words that the store makes of [`edit`](Self::edit).
    pub(crate) fn message(&self) -> String {
        let Self { user, path, .. } = self;
        let actor = AUTHOR.0;
        format!("Write {path}\n\nMemory-Op: write\nMemory-Actor: {actor}\nMemory-User: {user}\n")
    }
}

fn write((user, path): &(Arc<str>, RepoPath), chance: &mut Chance) -> Write {
    Write {
        user: Arc::clone(user),
        path: path.clone(),
        text: text(chance).into(),
    }
}

/// Lines of words that nobody has read before. Like prose, they deflate to about half their size.
fn text(chance: &mut Chance) -> String {
    const CONSONANTS: &[u8; 16] = b"bcdfghjklmnprstv";
    const VOWELS: &[u8; 4] = b"aeio";
    let mut text = String::with_capacity(TEXT_BYTES);
    let mut line = 0;
    while text.len() < TEXT_BYTES {
        let mut bits = chance.next();
        for _ in 0..2 + bits % 2 {
            text.push(CONSONANTS[(bits >> 8 & 15) as usize].into());
            text.push(VOWELS[(bits >> 12 & 3) as usize].into());
            bits >>= 6;
        }
        let is_line_full = text.len() - line > LINE_BYTES;
        text.push(if is_line_full { '\n' } else { ' ' });
        line = if is_line_full { text.len() } else { line };
    }
    text.truncate(TEXT_BYTES - 1);
    text.push('\n');
    text
}

/// Numbers by chance, the same on each run: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
