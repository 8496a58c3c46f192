//! Search, through the doors: what is found, by whom, how soon, and that it stays so.

mod answers;
mod freshness;
mod isolation;
mod languages;

use serde_json::{Value, json};

use crate::program::Program;

/// What alice's agent finds.
fn search(program: &Program, query: &str) -> Value {
    program
        .tool("memory_search", json!({ "query": query }))
        .of(200)
        .json()
}

/// What a request for `/v1/search` finds.
fn get(program: &Program, query: &str) -> Value {
    program.get(&format!("/v1/search?{query}")).of(200).json()
}

/// The files and headings that were found, best first.
fn places(found: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results = found["results"].as_array().unwrap().iter();
    results
        .map(|result| (text(&result["path"]), text(&result["heading"])))
        .collect()
}

/// The files that were found, best first.
fn paths(found: &Value) -> Vec<String> {
    places(found).into_iter().map(|(path, _)| path).collect()
}
