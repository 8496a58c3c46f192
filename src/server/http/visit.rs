//! The head of a request, read once: who asks, for whom, and with which parameters.

use std::borrow::Cow;
use std::mem;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

use super::{House, decode};
use crate::model::caller::{Caller, Credential, Door, Named};
use crate::model::error::{Issue, Rejection};
use crate::server::errors::Refusal;
use crate::store::Wait;

/// A request without its body.
pub(super) struct Visit {
    /// What the guard found.
    pub(super) credential: Arc<Credential>,
    /// Its address, as the client wrote it.
    pub(super) uri: Uri,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// The parameters behind the question mark.
    pub(super) query: Query,
}

/// The parameters of a query, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl FromRequestParts<Arc<House>> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<House>) -> Result<Self, Refusal> {
        let credential = parts.extensions.remove().ok_or(Rejection::Unauthorized)?;
        let (uri, headers) = (mem::take(&mut parts.uri), mem::take(&mut parts.headers));
        Ok(Self::new(uri, headers, credential)?)
    }
}

impl Visit {
    /// Refuses a query that cannot be decoded, or that says a thing twice.
    pub(super) fn new(
        uri: Uri,
        headers: HeaderMap,
        credential: Arc<Credential>,
    ) -> Result<Self, Rejection> {
        let query = Query::parse(uri.query().unwrap_or_default())?;
        Ok(Self {
            credential,
            uri,
            headers,
            query,
        })
    }

    /// Whom a request speaks for that says so in its query or its headers.
    pub(super) fn caller(&self, house: &House, door: Door) -> Result<Caller, Rejection> {
        let named = Named {
            user: self.text("userId", "x-memory-user")?,
            team: self.text("teamId", "x-memory-team")?,
            actor: self.text("actor", "x-memory-actor")?,
            ..Named::default()
        };
        self.caller_named(house, door, named)
    }

    /// Whom a request speaks for that says so in its body.
    pub(super) fn caller_named(
        &self,
        house: &House,
        door: Door,
        named: Named<'_>,
    ) -> Result<Caller, Rejection> {
        Caller::new(
            &self.credential,
            door,
            named,
            &house.memory.settings().teams,
        )
    }

    /// A parameter that may also stand in a header. Refuses two that differ: one of them would be ignored silently.
    pub(super) fn text(&self, parameter: &str, header: &str) -> Result<Option<&str>, Rejection> {
        let (in_query, in_header) = (self.query.text(parameter), self.header(header)?);
        match (in_query, in_header) {
            (Some(one), Some(other)) if one != other => Err(Rejection::validation(format!(
                "The query's {parameter} and the header {header} contradict each other"
            ))),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// A header's value. Refuses one that is not UTF-8.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Rejection> {
        let value = self
            .headers
            .get(name)
            .map(|value| std::str::from_utf8(value.as_bytes()));
        value
            .transpose()
            .map_err(|_| Rejection::validation(format!("The header {name} is not UTF-8")))
    }

    /// How long the client wants a write to wait.
    pub(super) fn wait(&self) -> Result<Wait, Rejection> {
        match self.query.text("wait") {
            None => Ok(Wait::Acknowledged),
            Some("published") => Ok(Wait::Published),
            Some(_) => Err(self.query.wrong("wait", "Must be published, or left out")),
        }
    }
}

impl Query {
    fn parse(query: &str) -> Result<Self, Rejection> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (decode::query(name)?, decode::query(value)?);
            // Two programs on a request's way may each believe another of two values.
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(wrong(name, "Stands twice in the query"));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// A parameter's value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that is a number. Refuses another text, and a number out of range.
    pub(super) fn number<T: FromStr + PartialOrd + std::fmt::Display>(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<T>,
    ) -> Result<Option<T>, Rejection> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse().ok().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (least, most) = (range.start(), range.end());
                Err(self.wrong(name, &format!("Must be a number from {least} to {most}")))
            }
        }
    }

    /// The refusal of a parameter.
    pub(super) fn wrong(&self, name: &str, message: &str) -> Rejection {
        wrong(Cow::Borrowed(name), message)
    }
}

fn wrong(name: Cow<'_, str>, message: &str) -> Rejection {
    let issue = Issue {
        path: vec![name.to_string()],
        message: message.to_owned(),
    };
    Rejection::Validation {
        message: format!("{name}: {message}"),
        issues: vec![issue],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_stand_once() {
        let query = Query::parse("userId=user%3A42&q=a+b&empty=&flag").unwrap();
        let values = ["userId", "q", "empty", "flag", "none"].map(|name| query.text(name));
        assert_eq!(
            values,
            [Some("user:42"), Some("a b"), Some(""), Some(""), None]
        );
        assert!(Query::parse("userId=a&userId=b").is_err());
        assert!(Query::parse("userId=%ff").is_err());
        assert!(Query::parse("").unwrap().0.is_empty());
    }

    #[test]
    fn numbers_keep_to_their_range() {
        let query = Query::parse("limit=20&offset=-1&depth=x").unwrap();
        assert_eq!(query.number("limit", 1..=200), Ok(Some(20)));
        assert_eq!(query.number("none", 1..=200), Ok(None));
        for (name, range) in [("limit", 1..=10), ("offset", 0..=9), ("depth", 0..=9)] {
            assert_eq!(
                query.number(name, range).unwrap_err().code(),
                "VALIDATION_ERROR",
                "{name}"
            );
        }
    }
}
