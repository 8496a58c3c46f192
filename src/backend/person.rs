//! Who sits at this computer, when git has not been told.

use std::os::unix::fs::MetadataExt;

use crate::backend::process;
use crate::model::message::Author;

/// The user of the operating system at this host: what git itself would make up, if it were asked to.
pub fn at_this_computer() -> Author {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = std::fs::metadata("/proc/self")
        .ok()
        .and_then(|process| account(&accounts, process.uid()));
    let login = || {
        ["USER", "LOGNAME"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok())
    };
    let (login, name) = own.unwrap_or_else(|| {
        let login = login().unwrap_or_else(|| "somebody".to_owned());
        (login.clone(), login)
    });
    Author::new(&name, &format!("{login}@{}", process::host()))
}

/// The login and the full name of an account in the format of passwd(5).
fn account(accounts: &str, uid: u32) -> Option<(String, String)> {
    accounts.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let [login, _, id, _, comment, ..] = *fields.as_slice() else {
            return None;
        };
        let full_name = comment
            .split(',')
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or(login);
        (id.parse() == Ok(uid)).then(|| (login.to_owned(), full_name.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_login_and_perhaps_a_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\n# odd\nann:x:7:7:Ann Lee,,,:/home/ann:/bin/sh\nbob:x:8:8::/:\n";
        let found = |uid| account(accounts, uid).map(|(login, name)| format!("{login}: {name}"));
        assert_eq!(found(7).as_deref(), Some("ann: Ann Lee"));
        assert_eq!(found(8).as_deref(), Some("bob: bob"));
        assert_eq!(found(9), None);
    }
}
