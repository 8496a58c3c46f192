//! Scenarios in which operations fail.

use std::time::Duration;

use memoryd::store::Durability;

use super::scenarios::Scenario;
use super::stage::Stage;
use super::tape::{Failure, Plan};
use super::verdict;

const FAILURES: [Failure; 4] = [
    Failure::Broken,
    Failure::Full,
    Failure::TooManyFiles,
    Failure::Short,
];
/// What a failure may keep away for good is not waited for any longer.
const PATIENCE: Duration = Duration::from_millis(300);
/// Once nothing fails any more, the store is as it was within this time.
const HEALED_MAX: Duration = Duration::from_secs(20);
const HEALED: (&str, &str) = (
    "team/sales/healed.md",
    "# Written when nothing failed any more\n",
);

/// An operation of a scenario that fails.
pub(super) struct Fault {
    pub(super) scenario: Scenario,
    pub(super) durability: Durability,
    failure: Failure,
    /// Which operation, from 1 on.
    number: usize,
    /// Whether all after it fail, too.
    is_sticky: bool,
}

impl Fault {
    /// Every operation of a scenario, failing in every way.
    pub(super) fn all(scenario: &Scenario, durability: Durability) -> Vec<Self> {
        let mut stage = Stage::new(durability);
        (scenario.prepare)(&mut stage);
        stage.tape.fail(Box::new(|_| None));
        (scenario.play)(&mut stage);
        let mut faults = Vec::new();
        for number in 1..=stage.tape.heal() {
            for failure in FAILURES {
                let fault = |is_sticky| Self {
                    scenario: *scenario,
                    durability,
                    failure,
                    number,
                    is_sticky,
                };
                faults.extend([false, true].map(fault));
            }
        }
        faults
    }

    fn plan(&self) -> Plan {
        let (failure, first, is_sticky) = (self.failure, self.number, self.is_sticky);
        Box::new(move |number| (number == first || is_sticky && number > first).then_some(failure))
    }

    /// In a few words.
    pub(super) fn told(&self) -> String {
        let Self {
            scenario,
            durability,
            failure,
            number,
            is_sticky,
        } = self;
        let more = if *is_sticky { " and all after it" } else { "" };
        format!(
            "{}, {durability:?}, operation {number}{more} {failure:?}",
            scenario.name
        )
    }

    /// Plays the scenario with the fault, and says what is wrong once nothing fails any more.
    pub(super) fn judge(&self, thorough: bool) -> Result<(), String> {
        let mut stage = Stage::new(self.durability);
        (self.scenario.prepare)(&mut stage);
        stage.patience = PATIENCE;
        stage.tape.fail(self.plan());
        (self.scenario.play)(&mut stage);
        stage.tape.heal();
        serves_again(&mut stage).and_then(|()| verdict::of(&mut stage, thorough))
    }
}

/// Without a restart, if the store was started at all.
fn serves_again(stage: &mut Stage) -> Result<(), String> {
    if stage.scene.try_store().is_none() {
        return Ok(());
    }
    stage.release();
    let is_written = |stage: &Stage| {
        stage.write(HEALED.0, HEALED.1);
        stage.scene.read(HEALED.0).as_deref() == Some(HEALED.1)
    };
    let status = |stage: &Stage| {
        format!(
            "{:?} differ; {:#?}",
            stage.differing(),
            stage.scene.store().status()
        )
    };
    if !stage.wait_until(HEALED_MAX, is_written) {
        return Err(format!("takes no writes again: {}", status(stage)));
    }
    if !stage.wait_until(HEALED_MAX, Stage::is_settled) {
        return Err(format!("shows nothing again: {}", status(stage)));
    }
    stage
        .scene
        .try_stop()
        .map_err(|error| format!("does not stop: {error}"))
}
