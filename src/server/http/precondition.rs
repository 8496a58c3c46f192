//! `If-Match` and `If-None-Match` of a write (RFC 9110, section 13.1).

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::model::edit::Precondition;
use crate::model::error::Rejection;
use crate::model::object::BlobId;

/// What a writer expects to find at `path`, where `standing` is what stands there as far as we know. The store judges
/// it again, at the moment of the write. Refuses at once what cannot hold any more.
pub(super) fn precondition(
    headers: &HeaderMap,
    path: &str,
    standing: Option<BlobId>,
) -> Result<Precondition, Rejection> {
    match (tags(headers, IF_MATCH)?, tags(headers, IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::Any),
        (None, Some("*")) => Ok(Precondition::MustNotExist),
        (Some(tags), None) => {
            let fails = || Rejection::PreconditionFailed {
                path: path.to_owned(),
                current: standing,
            };
            matching(tags, standing)
                .map(Precondition::MustMatch)
                .ok_or_else(fails)
        }
        _ => Err(Rejection::validation(
            "A write takes If-Match with ETags, or If-None-Match: *, and not both",
        )),
    }
}

/// The text that must stand there for a list of tags to match; none when no text could.
fn matching(tags: &str, standing: Option<BlobId>) -> Option<BlobId> {
    if tags == "*" {
        return standing;
    }
    let tags = tags.split(',').map(str::trim);
    // A weak tag never matches here: two texts that are merely as good as equal may not bury each other.
    let blobs = tags.filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    let blobs: Vec<BlobId> = blobs.collect();
    let current = standing.filter(|standing| blobs.contains(standing));
    current.or(blobs.first().copied())
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Rejection> {
    let mut values = headers.get_all(&name).iter();
    let value = values.next().map(|value| value.to_str().map(str::trim));
    match (value, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Rejection::validation(format!(
            "The header {name} must stand once, in ASCII"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::ObjectId;

    const HERE: BlobId = BlobId(ObjectId([0x11; 20]));
    const OTHER: BlobId = BlobId(ObjectId([0x22; 20]));

    fn judged(
        name: HeaderName,
        value: &str,
        standing: Option<BlobId>,
    ) -> Result<Precondition, &'static str> {
        let headers: HeaderMap = [(name, value.parse().unwrap())].into_iter().collect();
        precondition(&headers, "user/a.md", standing).map_err(|rejection| rejection.code())
    }

    #[test]
    fn tags_say_what_must_stand_there() {
        let (here, other) = (format!("\"{HERE}\""), format!("\"{OTHER}\""));
        let both = format!("{other}, {here}");
        let weak = format!("W/{here}");
        let table = [
            (&*here, Some(HERE), Ok(Precondition::MustMatch(HERE))),
            (&both, Some(HERE), Ok(Precondition::MustMatch(HERE))),
            (&other, Some(HERE), Ok(Precondition::MustMatch(OTHER))),
            (&here, None, Ok(Precondition::MustMatch(HERE))),
            ("*", Some(HERE), Ok(Precondition::MustMatch(HERE))),
            ("*", None, Err("PRECONDITION_FAILED")),
            (&weak, Some(HERE), Err("PRECONDITION_FAILED")),
            ("\"no-blob\"", Some(HERE), Err("PRECONDITION_FAILED")),
        ];
        for (tags, standing, expected) in table {
            assert_eq!(judged(IF_MATCH, tags, standing), expected, "{tags}");
        }
    }

    #[test]
    fn a_new_file_only_where_none_stands() {
        assert_eq!(
            judged(IF_NONE_MATCH, "*", Some(HERE)),
            Ok(Precondition::MustNotExist)
        );
        assert_eq!(
            judged(IF_NONE_MATCH, "\"x\"", Some(HERE)),
            Err("VALIDATION_ERROR")
        );
        assert_eq!(
            precondition(&HeaderMap::new(), "user/a.md", None),
            Ok(Precondition::Any)
        );
    }
}
