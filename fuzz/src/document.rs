//! Markdown and its front matter: every byte of a text is in one part of it.

use memoryd::model::document::Document;
use memoryd::model::document::links::links;

/// Takes any bytes for a file, with and without the line that opens front matter.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    check(&text);
    check(&format!("---\n{text}"));
}

fn check(text: &str) {
    let document = Document::parse(text);
    let mut end = 0;
    if let Some(front_matter) = document.front_matter {
        assert_eq!(front_matter.start, 0);
        assert!(
            text.get(front_matter.clone())
                .is_some_and(|front| front.starts_with("---"))
        );
        end = front_matter.end;
    }
    for section in document.sections {
        assert_eq!(section.bytes.start, end);
        assert!(text.get(section.bytes.clone()).is_some() && section.level <= 6);
        assert_eq!(section.path.is_empty(), section.level == 0);
        end = section.bytes.end;
    }
    assert_eq!(end, text.len());
    let lines = text.split('\n').count();
    for link in links(text) {
        assert!((1..=lines).contains(&link.line));
    }
}
