//! Scenarios in which operations fail.

use std::time::Duration;

use memoryd::store::Durability;

use super::scenarios::Scenario;
use super::stage::Stage;
use super::tape::{Failure, Plan};
use super::verdict;
use crate::chance::Chance;

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
    scenario: Scenario,
    durability: Durability,
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
        let scenario = *scenario;
        let mut faults = Vec::new();
        for number in 1..=stage.tape.heal() {
            for failure in FAILURES {
                let fault = |is_sticky| Self {
                    scenario,
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

    /// In a few words.
    pub(super) fn told(&self) -> String {
        let Self {
            durability,
            failure,
            number,
            ..
        } = self;
        let more = if self.is_sticky {
            " and all after it"
        } else {
            ""
        };
        format!(
            "{}, {durability:?}, operation {number}{more} {failure:?}",
            self.scenario.name
        )
    }

    /// Plays the scenario with the fault, and says what is wrong once nothing fails any more.
    pub(super) fn judge(&self, chance: &mut Chance) -> Result<(), String> {
        let mut stage = Stage::new(self.durability);
        (self.scenario.prepare)(&mut stage);
        stage.patience = PATIENCE;
        stage.tape.fail(self.plan());
        (self.scenario.play)(&mut stage);
        stage.tape.heal();
        let is_served = stage.scene.try_store().is_some();
        let judged = if is_served {
            serves_again(&mut stage)
        } else {
            Ok(())
        };
        let judged = judged.and_then(|()| verdict::of(&mut stage, chance));
        judged.map_err(|wrong| format!("{:?} failed: {wrong}", stage.tape.failed()))
    }

    fn plan(&self) -> Plan {
        let (failure, first, is_sticky) = (self.failure, self.number, self.is_sticky);
        Box::new(move |number| (number == first || is_sticky && number > first).then_some(failure))
    }
}

/// Without a restart.
fn serves_again(stage: &mut Stage) -> Result<(), String> {
    stage.release();
    let is_written = |stage: &Stage| {
        stage.write(HEALED.0, HEALED.1);
        stage.scene.read(HEALED.0).as_deref() == Some(HEALED.1)
    };
    if !stage.wait_until(HEALED_MAX, is_written) {
        return Err(format!("takes no writes again: {}", stage.told()));
    }
    if !stage.wait_until(HEALED_MAX, Stage::is_settled) {
        return Err(format!("shows nothing again: {}", stage.told()));
    }
    stage.close()
}
