//! A scenario as it was played once, and the folders that a cut after any of its events leaves.

use std::time::Duration;

use memoryd::store::Durability;
use tempfile::TempDir;

use super::claims::Claims;
use super::cut::{Ledger, Survival};
use super::image::{Bytes, FileId, Image};
use super::scenarios::Scenario;
use super::stage::Stage;
use super::tape::Event;
use super::verdict;
use crate::chance::Chance;
use crate::scene::Scene;

/// How old files are when another boot was between.
const LAST_BOOT: Duration = Duration::from_secs(1_000_000_000);
/// What the daemon notes of the boot that it runs in.
const STATE: &str = ".git/memoryd/state";
/// One in so many cuts is followed by another one.
const TWICE: usize = 8;
/// So many events before the cut are told of a state that is bad.
const TOLD_MAX: usize = 6;

/// Everything that happened, and what was promised meanwhile.
pub(super) struct Recording {
    pub(super) name: String,
    durability: Durability,
    before: Image,
    pub(super) events: Vec<Event>,
    claims: Claims,
    /// How old the files are that were there before.
    age: Duration,
    /// The cuts that are of interest are those after this many events and more.
    pub(super) begun: usize,
}

impl Recording {
    /// Plays a scenario.
    pub(super) fn of(scenario: &Scenario, durability: Durability) -> Self {
        let mut stage = Stage::new(durability);
        (scenario.prepare)(&mut stage);
        let begun = stage.tape.events();
        (scenario.play)(&mut stage);
        let name = format!("{}, {durability:?}", scenario.name);
        Self::on(&stage, name, (begun, Duration::ZERO))
    }

    fn on(stage: &Stage, name: String, (begun, age): (usize, Duration)) -> Self {
        let log = stage.tape.lock();
        let (before, events, claims) = (log.before.clone(), log.events.clone(), log.claims.clone());
        Self {
            name,
            durability: stage.scene.durability,
            before,
            events,
            claims,
            age,
            begun,
        }
    }

    /// Starts on the folder as a cut after some events leaves it, now and then to cut it off once more while it starts.
    /// Says what is wrong.
    pub(super) fn judge(&self, events: usize, chance: &mut Chance) -> Result<(), String> {
        let survival = Survival::choose(chance);
        let (image, lost) = self.cut(events, survival, chance);
        let mut stage = self.start_on(&image, self.claims.at(events), survival);
        let judged = match chance.one_in(TWICE) {
            true => self.start_and_cut_again(stage, survival, chance),
            false => verdict::of(&mut stage, chance),
        };
        judged.map_err(|wrong| {
            let last = &self.events[events.saturating_sub(TOLD_MAX)..events];
            let last: Vec<_> = last.iter().map(Event::told).collect();
            let (lost, last) = (lost.join("\n  "), last.join("\n  "));
            format!("{wrong}\n lost, {survival:?}:\n  {lost}\n last events:\n  {last}\n")
        })
    }

    fn start_and_cut_again(
        &self,
        mut stage: Stage,
        survival: Survival,
        chance: &mut Chance,
    ) -> Result<(), String> {
        stage.open()?;
        let name = format!("start after {}", self.name);
        let start = Self::on(&stage, name, (0, self.age_after(survival)));
        start.judge(chance.below(start.events.len() + 1), chance)
    }

    /// The folder as a cut leaves it, and what of it was lost.
    fn cut(&self, events: usize, survival: Survival, chance: &mut Chance) -> (Image, Vec<String>) {
        let mut ledger = Ledger::new(&self.before);
        self.events[..events]
            .iter()
            .for_each(|event| ledger.add(event));
        let (mut image, lost) = ledger.cut(survival, chance);
        if survival != Survival::All {
            forget_boot(&mut image);
        }
        (image, lost)
    }

    /// How old files are that were there before the start that is to come.
    fn age_after(&self, survival: Survival) -> Duration {
        match survival {
            Survival::All => self.age,
            _ => LAST_BOOT,
        }
    }

    fn start_on(&self, image: &Image, claims: Claims, survival: Survival) -> Stage {
        let folder = TempDir::new_in("/dev/shm")
            .or_else(|_| TempDir::new())
            .unwrap();
        let is_new =
            |file: FileId| survival == Survival::All && !self.before.files.contains_key(&file);
        let age = self.age_after(survival);
        image.put(folder.path(), |file| {
            if is_new(file) { Duration::ZERO } else { age }
        });
        let mut scene = Scene::of(folder);
        scene.durability = self.durability;
        Stage::after(scene, claims)
    }
}

/// After a power cut there is another boot than the one that the folder tells of.
fn forget_boot(image: &mut Image) {
    let Some(file) = image.file(STATE) else {
        return;
    };
    let Some(state) = image.files.get_mut(&file) else {
        return;
    };
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let told = String::from_utf8_lossy(&state.to_vec()).replace(boot.trim(), "another");
    *state = Bytes::of(told.as_bytes());
}
