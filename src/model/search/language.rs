//! Languages: the stem of a word, and the words of a question that say nothing of what is asked for.

use frostem::{Algorithm, Stemmer};
use serde::Deserialize;

use crate::model::unicode::without_accents;

/// The language of words in Latin letters. Other scripts tell their language themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `danish`
    Danish,
    /// `dutch`
    Dutch,
    /// `english`
    #[default]
    English,
    /// `finnish`
    Finnish,
    /// `french`
    French,
    /// `german`
    German,
    /// `hungarian`
    Hungarian,
    /// `italian`
    Italian,
    /// `norwegian`
    Norwegian,
    /// `portuguese`
    Portuguese,
    /// `romanian`
    Romanian,
    /// `spanish`
    Spanish,
    /// `swedish`
    Swedish,
    /// `turkish`
    Turkish,
}

/// Words that ask, link or address. Most documents have them and no question is about them, so they only blur which
/// section a question means. They are dropped from questions and never from what is indexed.
const ENGLISH: &str = "a about am an and any are as at be been being but by can could did do does doing for from had \
    has have having he her hers him his how i if in into is it its me might must my of on or our ours please shall she \
    should so some tell than that the their theirs them then there these they this those to us was we were what when \
    where which who whom whose why will with would you your yours";
const GERMAN: &str = "aber als am an auch auf aus bei bin bis bitte das dass dein dem den der des die dir du ein eine \
    einem einen einer es für hat haben habe hast er ich ihm ihn ihr im in ist kann können man mein mich mir mit nach \
    nicht noch oder sich sie sind so über um und uns unser von vor wann war waren warum was welche welcher welches wem \
    wen wer werden wie wir wird wo zu zum zur";
const FRENCH: &str = "a ai as au aux avec ce ces cette comment dans de des du elle en est et il ils je la le les leur \
    lui ma mes mon notre nous on ont ou où par pas pour pourquoi quand que quel quelle quelles quels qui quoi sa se ses \
    son sont sur ta tes ton tu un une vos votre vous";
const SPANISH: &str = "a al como cómo con cual cuál cuando cuándo cuanto cuánto de del donde dónde el ella en es esta \
    este está fue ha hay la las le lo los me mi mis no o para pero por porque que qué quien quién se ser si son su sus te \
    tiene tu tus un una y ya yo";
const RUSSIAN: &str = "а в во вы где для до его ее её если есть и из или им их к как какая какие какой когда который кто \
    куда ли мне мой моя мы на над не него о об он она они от по почему при с сколько со так такой там твой то ты у уже \
    чего чей чем что чья это этот я";

impl Language {
    /// The form under which all forms of a word are found. Takes a folded word; one with digits in it is its own stem.
    pub fn stem(self, word: &str) -> String {
        let Some(first) = word.chars().find(|character| character.is_alphabetic()) else {
            return word.to_owned();
        };
        if word.chars().any(char::is_numeric) {
            return without_accents(word).into_owned();
        }
        match Script::of(first) {
            Some(Script::Latin) if self == Self::English => self.english(word),
            Some(Script::Latin) => without_accents(&self.stemmer().stem(word)).into_owned(),
            Some(script) => script.stemmer().stem(word).into_owned(),
            None => word.to_owned(),
        }
    }

    /// Whether a folded word says nothing of what a question is about.
    pub fn is_question_word(self, word: &str) -> bool {
        let has = |words: &str| words.split_ascii_whitespace().any(|other| other == word);
        let own = match self {
            Self::German => GERMAN,
            Self::French => FRENCH,
            Self::Spanish => SPANISH,
            _ => "",
        };
        has(ENGLISH) || has(own) || has(RUSSIAN)
    }

    /// English borrows words with their accents and writes them without: they are one word.
    fn english(self, word: &str) -> String {
        self.stemmer().stem(&without_accents(word)).into_owned()
    }

    fn stemmer(self) -> Stemmer {
        Stemmer::new(match self {
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Romanian => Algorithm::Romanian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::Turkish => Algorithm::Turkish,
        })
    }
}

/// Scripts of which words have stems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Arabic,
    Devanagari,
    Tamil,
}

impl Script {
    fn of(character: char) -> Option<Self> {
        Some(match character {
            'a'..='z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}' => Self::Cyrillic,
            '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' => Self::Arabic,
            '\u{900}'..='\u{97f}' => Self::Devanagari,
            '\u{b80}'..='\u{bff}' => Self::Tamil,
            _ => return None,
        })
    }

    fn stemmer(self) -> Stemmer {
        Stemmer::new(match self {
            Self::Latin => Algorithm::English,
            Self::Greek => Algorithm::Greek,
            Self::Cyrillic => Algorithm::Russian,
            Self::Arabic => Algorithm::Arabic,
            Self::Devanagari => Algorithm::Hindi,
            Self::Tamil => Algorithm::Tamil,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_word_have_one_stem() {
        let table = [
            (Language::English, "budgets", "budget"),
            (Language::English, "user's", "user"),
            (Language::English, "r\u{e9}sum\u{e9}s", "resumes"),
            (Language::German, "h\u{e4}user", "haus"),
            (
                Language::English,
                "\u{43a}\u{43d}\u{438}\u{433}\u{438}",
                "\u{43a}\u{43d}\u{438}\u{433}\u{430}",
            ),
            (
                Language::English,
                "\u{932}\u{921}\u{93c}\u{915}\u{94b}\u{902}",
                "\u{932}\u{921}\u{93c}\u{915}\u{93e}",
            ),
        ];
        for (language, one, other) in table {
            assert_eq!(language.stem(one), language.stem(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_word_is_its_own_stem() {
        for word in ["2024", "v2s", "\u{e44}\u{e17}\u{e22}"] {
            assert_eq!(Language::English.stem(word), word);
        }
    }

    #[test]
    fn question_words_are_known_in_their_language() {
        let english = Language::English;
        assert!(english.is_question_word("what") && !english.is_question_word("budget"));
        assert!(!english.is_question_word("wer") && Language::German.is_question_word("wer"));
    }
}
