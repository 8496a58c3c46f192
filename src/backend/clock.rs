//! What time it is, and how far the person's clock is from UTC.

use std::sync::Arc;

use crate::model::snapshot::Seconds;

/// A moment as a commit records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970, in UTC.
    pub seconds: Seconds,
    /// What local clocks show beyond UTC.
    pub offset_minutes: i32,
}

/// Where moments come from: the system, or a test that wants the same history twice.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The system's clock in the system's time zone.
pub fn system() -> Clock {
    Arc::new(|| {
        let now = jiff::Zoned::now();
        Moment {
            seconds: now.timestamp().as_second(),
            offset_minutes: now.offset().seconds() / 60,
        }
    })
}

/// A moment as agents and people read it: `2026-11-21T14:03:05.000Z`.
pub fn iso(seconds: Seconds) -> String {
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
