//! LoCoMo (Maharana et al., 2024: long conversations with questions about them) as a folder of Markdown.
//!
//! Each conversation is a user. Each session is a file with the two speakers and the date in its heading, and a section
//! for every five turns. Questions of category 5 have no answer and are left out. The data may be measured with and not
//! passed on, so it has no place in this project.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::Outcome;
use crate::folder::put;
use crate::quality::{Asked, Line};

const TURNS: usize = 5;
const UNANSWERABLE: u64 = 5;

/// A data set as a folder and questions.
pub(crate) struct Converted {
    pub(crate) folder: TempDir,
    pub(crate) questions: Vec<Asked>,
}

#[derive(Deserialize)]
struct Sample {
    sample_id: String,
    qa: Vec<Question>,
    conversation: Map<String, Value>,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    category: u64,
    #[serde(default)]
    evidence: Vec<String>,
}

/// Writes every session as a file.
pub(crate) fn convert(json: &str) -> Outcome<Converted> {
    let samples: Vec<Sample> = serde_json::from_str(json)?;
    let folder = tempfile::tempdir()?;
    let mut questions = Vec::new();
    for sample in samples {
        let places = write(&sample, &folder)?;
        let asked = sample
            .qa
            .iter()
            .filter(|question| question.category != UNANSWERABLE);
        questions.extend(asked.filter_map(|question| asked_of(&sample, question, &places)));
    }
    Ok(Converted { folder, questions })
}

/// Where each turn stands.
type Places = HashMap<String, (String, usize)>;

fn write(sample: &Sample, folder: &TempDir) -> Outcome<Places> {
    let text = |key: &str| sample.conversation.get(key).and_then(Value::as_str);
    let (one, other) = (
        text("speaker_a").unwrap_or("A"),
        text("speaker_b").unwrap_or("B"),
    );
    let mut places = Places::new();
    for number in 1.. {
        let (turns, date) = (
            format!("session_{number}"),
            format!("session_{number}_date_time"),
        );
        let Some(date) = text(&date) else {
            break;
        };
        let Some(Value::Array(turns)) = sample.conversation.get(&turns) else {
            continue;
        };
        // "1:56 pm on 8 May, 2023"
        let day = date.rsplit(" on ").next().unwrap_or(date);
        let name = format!("sessions/s{number:02}.md");
        let mut lines = vec![format!("# Session {number}: {one} and {other}, {day}")];
        for (index, turn) in turns.iter().enumerate() {
            if index % TURNS == 0 {
                lines.extend([
                    String::new(),
                    format!("## Part {}", index / TURNS + 1),
                    String::new(),
                ]);
            }
            let part = |key: &str| turn.get(key).and_then(Value::as_str).unwrap_or_default();
            let caption = match part("blip_caption") {
                "" => String::new(),
                caption => format!(" [shares {caption}]"),
            };
            let said = part("text").replace('\n', " ");
            lines.push(format!("{}: {said}{caption}", part("speaker")));
            places.insert(
                part("dia_id").to_owned(),
                (format!("user/{name}"), lines.len()),
            );
            lines.push(String::new());
        }
        put(
            folder.path(),
            &format!("user/{}/{name}", sample.sample_id),
            &lines.join("\n"),
        )?;
    }
    Ok(places)
}

/// The question; none where no evidence can be found for it.
fn asked_of(sample: &Sample, question: &Question, places: &Places) -> Option<Asked> {
    let ids = question
        .evidence
        .iter()
        .flat_map(|ids| ids.split([';', ' ', ',']));
    let lines = ids.filter_map(|id| places.get(id.trim()));
    let gold: Vec<_> = lines
        .map(|(path, line)| Line {
            path: path.clone(),
            line: *line,
        })
        .collect();
    (!gold.is_empty()).then(|| Asked {
        user: sample.sample_id.clone(),
        question: question.question.clone(),
        gold,
    })
}
