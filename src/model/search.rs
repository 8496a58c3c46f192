//! What a search is made of: words and their stems, the passages of a file, the question, and how well the two agree.

pub mod language;
pub mod passages;
pub mod phrase;
pub mod query;
pub mod score;
pub mod terms;
