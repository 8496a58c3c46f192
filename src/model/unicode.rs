//! What Unicode says of a name or a word: the forms in which two are one, and the characters nobody sees.
//!
//! A file system may compare names by bytes (Linux), without case (Windows) or without case and Unicode form (macOS).
//! The folded form is coarser than all of them: compatibility caseless matching (The Unicode Standard, section 3.13,
//! D146), composed at the end, and without the two variation selectors that only pick a text or an emoji picture.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory};

/// Picks the plain or the coloured picture of the character before it. Emoji are typed with them, so paths may hold
/// them, and folding drops them.
const EMOJI_SELECTORS: [char; 2] = ['\u{fe0e}', '\u{fe0f}'];

/// The form in which two names that some file system takes for one are equal. Folding twice changes nothing more.
pub fn fold(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(fold_unicode(text));
    }
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

fn fold_unicode(text: &str) -> String {
    let seen = text
        .chars()
        .filter(|character| !EMOJI_SELECTORS.contains(character));
    // The first decomposition is for U+0345, which folds differently inside a composed letter; the second folding is
    // for letters that only the compatibility decomposition brings to light.
    seen.nfd()
        .default_case_fold()
        .nfkd()
        .default_case_fold()
        .nfkc()
        .collect()
}

/// Whether a character shows nothing, or changes how its neighbours show: control and format characters (text
/// direction, zero width), line separators, fillers, and what Unicode has not assigned.
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let category = character.general_category();
    is_filler(character)
        || matches!(
            category,
            Category::Control
                | Category::Format
                | Category::LineSeparator
                | Category::ParagraphSeparator
                | Category::PrivateUse
                | Category::Surrogate
                | Category::Unassigned
        )
}

/// Whether a text is in Normalization Form C.
pub(super) fn is_composed(text: &str) -> bool {
    unicode_normalization::is_nfc(text)
}

/// Whether a character beyond ASCII is a digit, a visible mark, or a letter that is no capital: what a readable id is
/// made of.
pub(super) fn is_word_part(character: char) -> bool {
    let category = character.general_category();
    !is_filler(character)
        && matches!(
            category,
            Category::LowercaseLetter
                | Category::ModifierLetter
                | Category::OtherLetter
                | Category::NonspacingMark
                | Category::SpacingMark
                | Category::DecimalNumber
        )
}

/// Whether a character belongs to the letter before it: an accent, a vowel sign.
pub(super) fn is_mark(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            character.general_category(),
            Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark
        )
}

/// A folded word as people type it who do not have its accents: they fall away from Latin and Greek letters, and letters
/// that only look like one with an accent become that one. Elsewhere marks are what tells words apart, and they stay.
pub(super) fn without_accents(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Borrowed(word);
    }
    let mut plain = String::with_capacity(word.len());
    let mut sheds_marks = false;
    for character in word.nfd() {
        if is_mark(character) && sheds_marks {
            continue;
        }
        sheds_marks = matches!(character, 'a'..='z' | '\u{df}'..='\u{24f}' | '\u{370}'..='\u{3ff}');
        match character {
            '\u{e6}' => plain.push_str("ae"),
            '\u{153}' => plain.push_str("oe"),
            '\u{f8}' => plain.push('o'),
            '\u{142}' => plain.push('l'),
            '\u{111}' | '\u{f0}' => plain.push('d'),
            '\u{fe}' => plain.push_str("th"),
            '\u{131}' => plain.push('i'),
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain.nfc().collect())
}

/// Letters and marks by category that are blank all the same (Default_Ignorable_Code_Point outside the categories
/// that [`is_hidden`] names).
fn is_filler(character: char) -> bool {
    !EMOJI_SELECTORS.contains(&character)
        && matches!(
            character,
            '\u{034f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{ffa0}'
                | '\u{e0100}'..='\u{e01ef}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_file_system_takes_for_one_fold_to_one() {
        let same = [
            ("README.md", "readme.md"),
            ("Stra\u{df}e.md", "STRASSE.md"),
            ("caf\u{e9}.md", "cafe\u{301}.md"),
            ("CAF\u{c9}.md", "cafe\u{301}.md"),
            ("\u{ff43}\u{ff4f}\u{ff4e}.md", "con.md"),
            ("com\u{b9}.md", "com1.md"),
            ("\u{fb01}le.md", "file.md"),
            ("\u{3c3}.md", "\u{3c2}.md"),
            ("\u{212a}.md", "k.md"),
            ("\u{2764}\u{fe0f}.md", "\u{2764}.md"),
            ("\u{1f80}.md", "\u{1f88}.md"),
        ];
        for (one, other) in same {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("caf\u{e9}.md"), fold("cafe.md"));
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        for character in '\0'..='\u{1ffff}' {
            let once = fold(character.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn accents_fall_away_where_people_leave_them_out() {
        let table = [
            ("caf\u{e9}", "cafe"),
            ("\u{fc}ber", "uber"),
            ("\u{142}\u{f3}d\u{17a}", "lodz"),
            ("sm\u{f8}rrebr\u{f8}d", "smorrebrod"),
            (
                "\u{3ac}\u{3bd}\u{3b8}\u{3c1}\u{3c9}\u{3c0}\u{3bf}\u{3c2}",
                "\u{3b1}\u{3bd}\u{3b8}\u{3c1}\u{3c9}\u{3c0}\u{3bf}\u{3c2}",
            ),
            ("\u{439}", "\u{439}"),
            ("\u{915}\u{94d}\u{937}", "\u{915}\u{94d}\u{937}"),
        ];
        for (word, expected) in table {
            assert_eq!(without_accents(word), expected, "{word}");
        }
    }

    #[test]
    fn plain_lower_case_is_not_copied() {
        assert!(matches!(fold("user/alice/profile.md"), Cow::Borrowed(_)));
    }

    #[test]
    fn hidden_characters_are_known() {
        let hidden = "\0\t\n\u{1b}\u{7f}\u{85}\u{ad}\u{200b}\u{200d}\u{200e}\u{202e}\u{2028}\u{2066}\u{3164}\u{fe00}\u{feff}\u{e000}\u{e0041}\u{378}";
        for character in hidden.chars() {
            assert!(is_hidden(character), "U+{:04X}", u32::from(character));
        }
        for character in " aZ~\u{e9}\u{4e2d}\u{915}\u{301}\u{fe0f}\u{1f600}\u{3000}".chars() {
            assert!(!is_hidden(character), "U+{:04X}", u32::from(character));
        }
    }
}
