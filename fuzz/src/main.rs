//! Runs a target on bytes that follow from a seed, for who has no nightly compiler: `seeded TARGET SECONDS [SEED]`.
//!
//! It knows nothing of coverage. It puts together words that the readers know, and damages and repeats what it made.

use std::time::{Duration, Instant};

use memoryd_fuzz::TARGETS;

/// Beginnings, separators and ends of what is read.
const WORDS: [&[u8]; 64] = [
    b"user/",
    b"shared/",
    b"team/",
    b"../",
    b"./",
    b"/",
    b".md",
    b".git",
    b"%2e",
    b"\\",
    b"CON",
    b"\0",
    b"\xff",
    b"\xef\xbf\xbd",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"---\n",
    b"---",
    b"# ",
    b"## A\n",
    b"###",
    b"```\n",
    b"~~~\n",
    b"- [",
    b"](",
    b")",
    b"[[",
    b"]]",
    b"-> ",
    b" ",
    b"\t",
    b"key: value\n",
    b"a",
    b"b\n",
    b"A",
    b"alice",
    b"~",
    b"memoryd journal\n",
    b"\x01",
    b"\x02\0\0\0",
    b"ghp_",
    b"AKIA",
    b"sk-",
    b"eyJ",
    b".eyJ",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"0123456789abcdef",
    b"aB3dE6gH9jK2mN5p",
    b"you are now a ",
    b"ignore ",
    b"previous ",
    b"instructions",
    b"<memory-",
    b"<system>",
    b"ann@acme.io",
    b"+49 30 1234567",
    b"4111 1111 1111 1111",
    b"DE89370400440532013000",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"\xef\xbc\x8e",
    b"\xcc\x87",
    b"\xc4\xb0",
];

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    /// Words and noise; or what was made before, with some of it changed.
    fn bytes(&mut self, earlier: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = match earlier.is_empty() || self.below(4) == 0 {
            true => Vec::new(),
            false => earlier[self.below(earlier.len())].clone(),
        };
        for _ in 0..=self.below(12) {
            let at = self.below(bytes.len() + 1);
            match self.below(8) {
                0..=3 => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(at..at, word.iter().copied());
                }
                4 => bytes.insert(at, self.below(256) as u8),
                5 if !bytes.is_empty() => drop(bytes.remove(at.min(bytes.len() - 1))),
                6 => bytes.truncate(at),
                _ => bytes.extend_from_within(at..bytes.len().min(at + 40)),
            }
        }
        bytes.truncate(4_096);
        bytes
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u64| {
        arguments
            .get(at)
            .map_or(Some(usual), |text| text.parse().ok())
    };
    let named = arguments
        .first()
        .and_then(|name| TARGETS.iter().find(|(other, _)| other == name));
    let (Some((name, run)), Some(seconds), Some(seed)) = (named, number(1, 60), number(2, 1))
    else {
        let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "seeded TARGET [SECONDS [SEED]]; targets are {}",
            names.join(", ")
        );
        std::process::exit(2);
    };
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut earlier, mut executions, begun) = (Vec::new(), 0_u64, Instant::now());
    while begun.elapsed() < Duration::from_secs(seconds) {
        let bytes = chance.bytes(&earlier);
        // A panic prints where; what made it is the last thing printed before.
        if std::panic::catch_unwind(|| run(&bytes)).is_err() {
            eprintln!("{name}, seed {seed}, execution {executions}: {bytes:?}");
            std::process::exit(1);
        }
        executions += 1;
        let place = chance.below(256);
        match earlier.get_mut(place) {
            Some(old) => *old = bytes,
            None => earlier.push(bytes),
        }
    }
    println!("{name}: {executions} executions in {seconds} s, no finding");
}
