//! What is looked for in texts: it is found in any text without a panic, and only what is added counts.

use memoryd::model::screening::{Measure, Screening, in_one_line, of_one_line};

use crate::two_texts;

const ALL: Screening = Screening {
    secrets: Measure::Flag,
    pii: Measure::Flag,
    instructions: Measure::Flag,
};

/// Takes any bytes for a text before and after.
pub fn run(data: &[u8]) {
    let (before, after) = two_texts(data);
    let lines = after.split('\n').count();
    let added = ALL
        .added(Some(&before), &after)
        .expect("nothing is refused");
    assert!(added.iter().all(|flag| (1..=lines).contains(&flag.line)));
    assert_eq!(of_one_line(&in_one_line(&added)), added);
    assert_eq!(ALL.added(Some(&after), &after), Ok(Vec::new()));
    assert!(ALL.added(None, &after).expect("nothing is refused").len() >= added.len());
}
