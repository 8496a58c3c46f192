//! Search in six languages: a small memory of our own, with the passage that answers each question.

use super::{places, search};
use crate::program::Program;

const ENGLISH: &str = "# Trip\n\n## Food\n\nShe is allergic to peanuts and likes spicy noodles.\n\n## Travel\n\nFlights are booked from Oslo on Friday morning.\n\n## Work\n\nThe quarterly report is due before the holidays.\n";
const CHINESE: &str = "# \u{65c5}\u{884c}\n\n## \u{996e}\u{98df}\n\n\u{5979}\u{5bf9}\u{82b1}\u{751f}\u{8fc7}\u{654f}\u{ff0c}\u{559c}\u{6b22}\u{8fa3}\u{7684}\u{9762}\u{6761}\u{3002}\n\n## \u{4ef7}\u{683c}\n\n\u{9152}\u{5e97}\u{7684}\u{4ef7}\u{683c}\u{662f}\u{6bcf}\u{665a}\u{516b}\u{767e}\u{5143}\u{3002}\n\n## \u{5de5}\u{4f5c}\n\n\u{5b63}\u{5ea6}\u{62a5}\u{544a}\u{8981}\u{5728}\u{5047}\u{671f}\u{524d}\u{5b8c}\u{6210}\u{3002}\n";
const JAPANESE: &str = "# \u{65c5}\u{884c}\u{30e1}\u{30e2}\n\n## \u{98df}\u{4e8b}\n\n\u{5f7c}\u{5973}\u{306f}\u{30d4}\u{30fc}\u{30ca}\u{30c3}\u{30c4}\u{30a2}\u{30ec}\u{30eb}\u{30ae}\u{30fc}\u{304c}\u{3042}\u{308a}\u{307e}\u{3059}\u{3002}\n\n## \u{6599}\u{91d1}\n\n\u{30db}\u{30c6}\u{30eb}\u{306e}\u{4fa1}\u{683c}\u{306f}\u{4e00}\u{6cca}\u{4e00}\u{4e07}\u{5186}\u{3067}\u{3059}\u{3002}\n\n## \u{4ed5}\u{4e8b}\n\n\u{56db}\u{534a}\u{671f}\u{306e}\u{5831}\u{544a}\u{66f8}\u{306f}\u{4f11}\u{6687}\u{306e}\u{524d}\u{306b}\u{63d0}\u{51fa}\u{3057}\u{307e}\u{3059}\u{3002}\n";
const GERMAN: &str = "# Reise\n\n## Essen\n\nSie vertr\u{e4}gt keine Erdn\u{fc}sse und mag scharfe Nudeln.\n\n## Fahrt\n\nDie Fl\u{fc}ge gehen am Freitag fr\u{fc}h ab M\u{fc}nchen.\n\n## Arbeit\n\nDer Bericht f\u{fc}r das Quartal ist vor den Ferien f\u{e4}llig.\n";
const RUSSIAN: &str = "# \u{41f}\u{43e}\u{435}\u{437}\u{434}\u{43a}\u{430}\n\n## \u{415}\u{434}\u{430}\n\n\u{423} \u{43d}\u{435}\u{451} \u{430}\u{43b}\u{43b}\u{435}\u{440}\u{433}\u{438}\u{44f} \u{43d}\u{430} \u{430}\u{440}\u{430}\u{445}\u{438}\u{441}, \u{43e}\u{43d}\u{430} \u{43b}\u{44e}\u{431}\u{438}\u{442} \u{43e}\u{441}\u{442}\u{440}\u{443}\u{44e} \u{43b}\u{430}\u{43f}\u{448}\u{443}.\n\n## \u{41a}\u{43d}\u{438}\u{433}\u{438}\n\n\u{41e}\u{43d}\u{430} \u{431}\u{435}\u{440}\u{451}\u{442} \u{441} \u{441}\u{43e}\u{431}\u{43e}\u{439} \u{434}\u{432}\u{435} \u{43a}\u{43d}\u{438}\u{433}\u{438} \u{43e} \u{43c}\u{43e}\u{440}\u{435}.\n";
const HINDI: &str = "# \u{92f}\u{93e}\u{924}\u{94d}\u{930}\u{93e}\n\n## \u{92d}\u{94b}\u{91c}\u{928}\n\n\u{909}\u{938}\u{947} \u{92e}\u{942}\u{902}\u{917}\u{92b}\u{932}\u{940} \u{938}\u{947} \u{90f}\u{932}\u{930}\u{94d}\u{91c}\u{940} \u{939}\u{948}\u{964}\n\n## \u{915}\u{940}\u{92e}\u{924}\n\n\u{939}\u{94b}\u{91f}\u{932} \u{915}\u{940} \u{915}\u{940}\u{92e}\u{924} \u{926}\u{94b} \u{939}\u{91c}\u{93c}\u{93e}\u{930} \u{930}\u{941}\u{92a}\u{92f}\u{947} \u{939}\u{948}\u{964}\n";

/// A question, the file that answers it, and how its heading ends.
const QUESTIONS: [(&str, &str, &str); 19] = [
    ("What is she allergic to?", "en.md", "Food"),
    ("when does the flight leave", "en.md", "Travel"),
    ("quarterly reports", "en.md", "Work"),
    ("alergic peanut", "en.md", "Food"),
    (
        "\u{5979}\u{5bf9}\u{4ec0}\u{4e48}\u{8fc7}\u{654f}\u{ff1f}",
        "zh.md",
        "\u{996e}\u{98df}",
    ),
    ("\u{4ef7}\u{683c}", "zh.md", "\u{4ef7}\u{683c}"),
    (
        "\u{9152}\u{5e97}\u{591a}\u{5c11}\u{94b1}",
        "zh.md",
        "\u{4ef7}\u{683c}",
    ),
    ("\u{62a5}\u{544a}", "zh.md", "\u{5de5}\u{4f5c}"),
    ("\u{4fa1}\u{683c}", "ja.md", "\u{6599}\u{91d1}"),
    (
        "\u{30d4}\u{30fc}\u{30ca}\u{30c3}\u{30c4}",
        "ja.md",
        "\u{98df}\u{4e8b}",
    ),
    (
        "\u{ff8e}\u{ff83}\u{ff99}\u{306e}\u{4fa1}\u{683c}",
        "ja.md",
        "\u{6599}\u{91d1}",
    ),
    (
        "\u{5831}\u{544a}\u{66f8}\u{306f}\u{3044}\u{3064}",
        "ja.md",
        "\u{4ed5}\u{4e8b}",
    ),
    ("Erdn\u{fc}sse", "de.md", "Essen"),
    ("Wann gehen die Fluge ab Munchen?", "de.md", "Fahrt"),
    ("BERICHT", "de.md", "Arbeit"),
    (
        "\u{43a}\u{43d}\u{438}\u{433}\u{430}",
        "ru.md",
        "\u{41a}\u{43d}\u{438}\u{433}\u{438}",
    ),
    (
        "\u{43d}\u{430} \u{447}\u{442}\u{43e} \u{430}\u{43b}\u{43b}\u{435}\u{440}\u{433}\u{438}\u{438}",
        "ru.md",
        "\u{415}\u{434}\u{430}",
    ),
    (
        "\u{939}\u{94b}\u{91f}\u{932} \u{915}\u{940}\u{92e}\u{924}",
        "hi.md",
        "\u{915}\u{940}\u{92e}\u{924}",
    ),
    (
        "\u{92e}\u{942}\u{902}\u{917}\u{92b}\u{932}\u{940}",
        "hi.md",
        "\u{92d}\u{94b}\u{91c}\u{928}",
    ),
];

#[test]
fn every_question_is_answered_in_the_first_three() {
    let program = Program::serving(&[
        ("user/alice/en.md", ENGLISH),
        ("user/alice/zh.md", CHINESE),
        ("user/alice/ja.md", JAPANESE),
        ("user/alice/de.md", GERMAN),
        ("user/alice/ru.md", RUSSIAN),
        ("user/alice/hi.md", HINDI),
    ]);
    for (question, file, heading) in QUESTIONS {
        let found = places(&search(&program, question));
        let is_it = |(path, at): &(String, String)| path.ends_with(file) && at.ends_with(heading);
        assert!(found.iter().take(3).any(is_it), "{question}: {found:?}");
    }
}
