//! What front matter says: the keys that this program knows. All others are the person's own and stay as they are.
//!
//! YAML comes from whoever writes a file, so it is read with a budget, without aliases that could blow it up, and into
//! types: what does not fit is as good as absent, and `check` says so.

use serde::Deserialize;

/// The known keys of a file's front matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct FrontMatter {
    /// What the file is called, where its first heading or its name do not say it.
    pub title: Option<String>,
    /// One sentence on what it holds.
    pub description: Option<String>,
    /// Words to filter by.
    pub tags: Tags,
    /// The day from which on it is not to be trusted, as `2026-01-31`.
    pub stale_after: Option<String>,
}

/// A list of words, or one line of them with commas.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Written")]
pub struct Tags(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Many(Vec<String>),
    Nothing(()),
}

impl From<Written> for Tags {
    fn from(written: Written) -> Self {
        let words = match written {
            Written::One(line) => line.split(',').map(str::to_owned).collect(),
            Written::Many(words) => words,
            Written::Nothing(()) => Vec::new(),
        };
        let words = words.into_iter().map(|word| word.trim().to_owned());
        Self(words.filter(|word| !word.is_empty()).collect())
    }
}

impl FrontMatter {
    /// Reads the text of front matter, the lines that open and close it included. Nothing is known of one that is no
    /// YAML, or not of the known types.
    pub fn read(text: &str) -> Option<Self> {
        let body = text.trim_start_matches('\u{feff}');
        let mut lines = body.lines();
        lines.next()?;
        let inner: Vec<_> = lines
            .take_while(|line| !matches!(line.trim_end(), "---" | "..."))
            .collect();
        if inner.iter().all(|line| line.trim().is_empty()) {
            return Some(Self::default());
        }
        serde_saphyr::from_str(&inner.join("\n")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys_are_read_and_others_are_nobodys_business() {
        let text = "---\ntitle: Prices\ntags: [money, \" q3 \"]\nstale_after: 2026-01-31\nowner: {a: [1]}\n---\n";
        let expected = FrontMatter {
            title: Some("Prices".to_owned()),
            description: None,
            tags: Tags(vec!["money".to_owned(), "q3".to_owned()]),
            stale_after: Some("2026-01-31".to_owned()),
        };
        assert_eq!(FrontMatter::read(text), Some(expected));
    }

    #[test]
    fn tags_may_stand_in_one_line() {
        let read = FrontMatter::read("---\ntags: money, q3,\n---\n").unwrap();
        assert_eq!(read.tags.0, ["money", "q3"]);
    }

    #[test]
    fn what_is_no_front_matter_says_nothing() {
        let bomb = format!(
            "---\na: &a {}\nb: [{}]\n---\n",
            "x".repeat(4_000),
            "*a,".repeat(3_000)
        );
        for text in ["---\ntitle: [\n---\n", "---\ntitle: {a: 1}\n---\n", &bomb] {
            let read = FrontMatter::read(text);
            assert!(
                read.is_none() || read == Some(FrontMatter::default()),
                "{text:.20}"
            );
        }
        assert_eq!(
            FrontMatter::read("---\n---\n"),
            Some(FrontMatter::default())
        );
    }
}
