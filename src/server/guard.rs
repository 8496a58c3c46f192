//! Who comes in: the checks that every request passes before anything of its body is read.
//!
//! First the name that the daemon is called by. A page in somebody's browser may point its own host name at 127.0.0.1
//! and then read our answers as if they were its own (DNS rebinding); such a request bears the page's name in `Host`,
//! so only names that are ours are answered. `Origin` is what the browser says of the page, and is judged the same.
//!
//! Then the credential. Tokens are compared by their hashes, all of them and in constant time, so that the time of an
//! answer tells nothing of how near a guess was.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};
use subtle::ConstantTimeEq;

use crate::backend::random;
use crate::model::caller::{Binding, Credential, Proof, Role};
use crate::model::digest::Digest;
use crate::model::error::{Fault, Rejection};

const API_KEY: &str = "x-api-key";
/// Where MemexAI's clients put the admin secret, in the order of their generations.
const ADMIN_SECRETS: [&str; 2] = ["x-memex-admin-secret", "x-admin-secret"];

/// The credentials that the environment brings.
#[derive(Clone, Default)]
pub struct Secrets {
    /// An agent's token, for any user.
    pub api_key: Option<String>,
    /// An administrator's.
    pub admin_secret: Option<String>,
}

impl Secrets {
    /// Whether there is no credential at all.
    pub fn is_empty(&self) -> bool {
        self.api_key.is_none() && self.admin_secret.is_none()
    }
}

/// The token by which commands of the same computer reach a running daemon. It changes with every start.
#[derive(Clone)]
pub struct LocalToken(String);

impl LocalToken {
    /// A new one.
    pub fn random() -> Result<Self, Fault> {
        Ok(Self(Digest(random::bytes()?).to_string()))
    }

    /// Its 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A token must not end up in a log.
impl fmt::Debug for LocalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalToken(..)")
    }
}

/// The names a daemon answers to, and the credentials it knows.
#[derive(Debug)]
pub struct Guard {
    listen: IpAddr,
    names: Vec<String>,
    keys: Vec<(Digest, Arc<Credential>)>,
    open_door: Option<Arc<Credential>>,
}

impl Guard {
    /// `names` are the host names, beside the address itself and localhost, under which clients reach the daemon.
    /// Refuses to listen to other computers without a credential.
    pub fn new(
        listen: SocketAddr,
        names: &[String],
        secrets: &Secrets,
        local_token: &LocalToken,
    ) -> Result<Self, Rejection> {
        let is_open = secrets.is_empty();
        if is_open && !listen.ip().is_loopback() {
            return Err(Rejection::validation(format!(
                "Listening on {listen} needs a credential: set MEMORYD_API_KEY, or listen on 127.0.0.1"
            )));
        }
        let local_token = Some(local_token.as_str().to_owned());
        let tokens = [
            (&local_token, Role::Admin, Proof::LocalToken),
            (&secrets.api_key, Role::Agent, Proof::Token),
            (&secrets.admin_secret, Role::Admin, Proof::Token),
        ];
        let keys = tokens.into_iter().filter_map(|(token, role, proof)| {
            let digest = Digest::of(token.as_ref()?.as_bytes());
            Some((
                digest,
                Arc::new(Credential {
                    role,
                    binding: Binding::Unbound,
                    proof,
                }),
            ))
        });
        Ok(Self {
            listen: listen.ip(),
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            keys: keys.collect(),
            open_door: is_open.then(|| Arc::new(Credential::open_door())),
        })
    }

    /// Whether everybody on this computer may come in, because no credential is configured.
    pub fn is_open_door(&self) -> bool {
        self.open_door.is_some()
    }

    /// Refuses a request that was meant for another host or comes from another's page.
    pub fn check_names(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Rejection> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Rejection::validation(
                "The request must have one Host header",
            ));
        };
        let authority = uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        for host in [host.as_bytes()].into_iter().chain(authority) {
            self.check_name(host, host)?;
        }
        for origin in headers.get_all(ORIGIN) {
            let origin = origin.as_bytes();
            let schemes = [&b"http://"[..], b"https://"];
            let host = schemes
                .into_iter()
                .find_map(|scheme| origin.strip_prefix(scheme));
            self.check_name(host.unwrap_or_default(), origin)?;
        }
        Ok(())
    }

    /// Whose request it is. Refuses one without a credential that is known, unless the door is open.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Arc<Credential>, Rejection> {
        let known = presented(headers).and_then(|token| self.known(token));
        let credential = known.or(self.open_door.as_ref());
        credential.cloned().ok_or_else(|| {
            match ADMIN_SECRETS.iter().any(|name| headers.contains_key(*name)) {
                true => Rejection::UnauthorizedAdmin,
                false => Rejection::Unauthorized,
            }
        })
    }

    fn known(&self, token: &[u8]) -> Option<&Arc<Credential>> {
        let presented = Digest::of(token);
        // No early end: every key is compared, whichever it is.
        self.keys.iter().fold(None, |found, (digest, credential)| {
            match bool::from(digest.0.ct_eq(&presented.0)) {
                true => Some(credential),
                false => found,
            }
        })
    }

    fn check_name(&self, host: &[u8], shown: &[u8]) -> Result<(), Rejection> {
        let name = std::str::from_utf8(host).ok().and_then(without_port);
        match name.is_some_and(|name| self.is_ours(name)) {
            true => Ok(()),
            false => Err(Rejection::OriginNotAllowed {
                value: String::from_utf8_lossy(shown).chars().take(200).collect(),
            }),
        }
    }

    fn is_ours(&self, name: &str) -> bool {
        match name.parse::<IpAddr>() {
            // Nobody can make an address resolve to another: rebinding needs a name. So a daemon that listens to all
            // its addresses answers to any.
            Ok(address) => {
                let address = address.to_canonical();
                address.is_loopback() || address == self.listen || self.listen.is_unspecified()
            }
            Err(_) => {
                let is_ours = |own: &str| own.eq_ignore_ascii_case(name);
                is_ours("localhost") || self.names.iter().any(|own| is_ours(own))
            }
        }
    }
}

/// The token of a request, from the first header that has one.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked(7)?;
        scheme
            .eq_ignore_ascii_case(b"bearer ")
            .then(|| token.trim_ascii())
    });
    let mut others = [API_KEY].into_iter().chain(ADMIN_SECRETS);
    bearer.or_else(|| {
        others
            .find_map(|name| headers.get(name))
            .map(HeaderValue::as_bytes)
    })
}

/// "localhost" of "localhost:7171", "::1" of "[::1]:7171"; nothing when it is not of such a form.
fn without_port(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => match authority.find(':') {
            Some(colon) => authority.split_at_checked(colon)?,
            None => (authority, ""),
        },
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let has_port = port.strip_prefix(':').is_some_and(is_port);
    (port.is_empty() || has_port).then_some(host.strip_suffix('.').unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listen: &str, api_key: Option<&str>) -> Guard {
        let secrets = Secrets {
            api_key: api_key.map(str::to_owned),
            ..Secrets::default()
        };
        let local_token = LocalToken("local".to_owned());
        let names = ["Memory.Internal".to_owned()];
        Guard::new(listen.parse().unwrap(), &names, &secrets, &local_token).unwrap()
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                axum::http::HeaderName::try_from(*name).unwrap(),
                value.parse().unwrap(),
            )
        });
        pairs.collect()
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let table = [
            ("127.0.0.1:7171", "localhost:7171", None, true),
            ("127.0.0.1:7171", "LOCALHOST.", None, true),
            (
                "127.0.0.1:7171",
                "127.0.0.1:7171",
                Some("http://localhost:3000"),
                true,
            ),
            ("127.0.0.1:7171", "[::1]:7171", None, true),
            (
                "127.0.0.1:7171",
                "memory.internal",
                Some("https://memory.internal"),
                true,
            ),
            ("127.0.0.1:7171", "evil.example:7171", None, false),
            ("127.0.0.1:7171", "127.0.0.1.evil.example", None, false),
            ("127.0.0.1:7171", "localhost:7171@evil.example", None, false),
            (
                "127.0.0.1:7171",
                "localhost",
                Some("http://evil.example"),
                false,
            ),
            ("127.0.0.1:7171", "localhost", Some("null"), false),
            (
                "127.0.0.1:7171",
                "localhost",
                Some("http://localhost/path"),
                false,
            ),
            ("127.0.0.1:7171", "10.0.0.5", None, false),
            ("10.0.0.5:7171", "10.0.0.5:7171", None, true),
            ("10.0.0.5:7171", "10.0.0.6:7171", None, false),
            ("0.0.0.0:7171", "10.0.0.6:7171", None, true),
            ("0.0.0.0:7171", "evil.example", None, false),
        ];
        for (listen, host, origin, expected) in table {
            let origin = origin.map(|origin| ("origin", origin));
            let headers = headers(
                &[("host", host)]
                    .into_iter()
                    .chain(origin)
                    .collect::<Vec<_>>(),
            );
            let answered = guard(listen, Some("key")).check_names(&Uri::from_static("/"), &headers);
            assert_eq!(answered.is_ok(), expected, "{listen} {host} {origin:?}");
        }
    }

    #[test]
    fn the_request_line_cannot_name_another_host() {
        let guard = guard("127.0.0.1:7171", None);
        let headers = headers(&[("host", "localhost")]);
        assert!(
            guard
                .check_names(&Uri::from_static("http://localhost/x"), &headers)
                .is_ok()
        );
        assert!(
            guard
                .check_names(&Uri::from_static("http://evil.example/x"), &headers)
                .is_err()
        );
        let twice = super::tests::headers(&[("host", "localhost"), ("host", "localhost")]);
        assert_eq!(
            guard
                .check_names(&Uri::from_static("/"), &twice)
                .unwrap_err()
                .code(),
            "VALIDATION_ERROR"
        );
    }

    #[test]
    fn a_credential_is_known_or_refused() {
        let table = [
            (
                Some("key"),
                &[("authorization", "Bearer key")][..],
                Ok((Role::Agent, Proof::Token)),
            ),
            (
                Some("key"),
                &[("authorization", "bearer  key")],
                Ok((Role::Agent, Proof::Token)),
            ),
            (
                Some("key"),
                &[("x-api-key", "key")],
                Ok((Role::Agent, Proof::Token)),
            ),
            (
                Some("key"),
                &[("authorization", "Bearer local")],
                Ok((Role::Admin, Proof::LocalToken)),
            ),
            (
                Some("key"),
                &[("authorization", "Basic key")],
                Err("UNAUTHORIZED"),
            ),
            (
                Some("key"),
                &[("authorization", "Bearer ")],
                Err("UNAUTHORIZED"),
            ),
            (Some("key"), &[("x-api-key", "kez")], Err("UNAUTHORIZED")),
            (
                Some("key"),
                &[("x-memex-admin-secret", "key2")],
                Err("UNAUTHORIZED_ADMIN"),
            ),
            (Some("key"), &[], Err("UNAUTHORIZED")),
            (None, &[], Ok((Role::Editor, Proof::OpenDoor))),
            (
                None,
                &[("x-api-key", "whatever")],
                Ok((Role::Editor, Proof::OpenDoor)),
            ),
            (
                None,
                &[("x-api-key", "local")],
                Ok((Role::Admin, Proof::LocalToken)),
            ),
        ];
        for (api_key, presented, expected) in table {
            let found = guard("127.0.0.1:7171", api_key).identify(&headers(presented));
            let found = found.map(|credential| (credential.role, credential.proof));
            assert_eq!(
                found.map_err(|rejection| rejection.code()),
                expected,
                "{presented:?}"
            );
        }
    }

    #[test]
    fn no_credential_means_this_computer_only() {
        let new = |listen: &str| {
            let token = LocalToken("local".to_owned());
            Guard::new(listen.parse().unwrap(), &[], &Secrets::default(), &token)
        };
        assert!(new("[::1]:7171").is_ok());
        for listen in ["0.0.0.0:7171", "[::]:7171", "10.0.0.5:7171"] {
            let message = new(listen).unwrap_err().to_string();
            assert!(message.contains("MEMORYD_API_KEY"), "{message}");
        }
    }

    #[test]
    fn a_local_token_is_long_and_never_printed() {
        let token = LocalToken::random().unwrap();
        assert_eq!(token.as_str().len(), 64);
        assert!(!format!("{token:?}").contains(token.as_str()));
    }
}
