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

/// The moment that it is.
pub fn now() -> Seconds {
    jiff::Timestamp::now().as_second()
}

/// Which end of a day is meant where only the day is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Its first second.
    Start,
    /// Its last one.
    End,
}

/// A moment as people give it: `2026-01-31`, which is a day in UTC, or `2026-01-31T12:00:00+01:00`.
pub fn parse(text: &str, edge: Edge) -> Option<Seconds> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_second());
    }
    let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let time = match edge {
        Edge::Start => day.at(0, 0, 0, 0),
        Edge::End => day.at(23, 59, 59, 0),
    };
    let moment = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(moment.timestamp().as_second())
}

/// A moment as agents and people read it: `2026-11-21T14:03:05.000Z`.
pub fn iso(seconds: Seconds) -> String {
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_people_give_it() {
        let table = [
            ("1970-01-02", Edge::Start, Some(86_400)),
            ("1970-01-01", Edge::End, Some(86_399)),
            ("1970-01-01T01:00:00Z", Edge::End, Some(3_600)),
            ("1970-01-01T01:00:00.000+01:00", Edge::Start, Some(0)),
            ("yesterday", Edge::Start, None),
            ("1970-02-30", Edge::Start, None),
            ("", Edge::Start, None),
        ];
        for (text, edge, expected) in table {
            assert_eq!(parse(text, edge), expected, "{text}");
        }
    }
}
