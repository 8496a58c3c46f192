//! The tools that a model calls: one table, whichever door the call comes through.
//!
//! A tool is an entry here: its name, what a model is told of it, the schema of its arguments, and the function that
//! turns a call into an answer or into a change to wait for. Arguments, results and error codes are those of MemexAI
//! where it has the tool, so that agents which were written against it go on working; beside them each result says
//! which revision and which text it is about.

mod files;
mod schema;
mod search;

use serde_json::{Value, json};

pub use files::{listed, parse_patch};

use crate::api::memory::{Deed, Memory, Terms, View, idempotency_key};
use crate::api::report::Report;
use crate::api::search::Drawn;
use crate::model::caller::{Caller, Role};
use crate::model::edit::Edit;
use crate::model::error::{Error, Rejection};
use crate::model::object::Revision;

/// One tool.
#[derive(Debug, Clone, Copy)]
pub struct ToolSpec {
    /// What it is called by.
    pub name: &'static str,
    /// What a model is told of it.
    pub description: &'static str,
    /// The family it is listed with.
    pub kind: ToolKind,
    /// The JSON Schema of its arguments.
    pub schema: fn() -> Value,
    /// What it does.
    pub run: Run,
}

/// The families of tools, which are listed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolKind {
    /// Files by their paths.
    Files,
}

/// What a tool does with its arguments.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// Answers from the memory as it is.
    Read(fn(&View<'_>, &Value) -> Result<Value, Rejection>),
    /// Searches, which may take a while, and says of which revision the answer is.
    Find(fn(&Memory, &Caller, &Value) -> Result<Drawn, Error>),
    /// Says what is to be changed, and why.
    Write(fn(&Value) -> Result<Intent, Rejection>),
}

/// What a call wants changed, and why.
#[derive(Debug)]
pub struct Intent {
    deed: Deed,
    reason: Option<String>,
}

/// What became of a call so far.
#[derive(Debug)]
pub enum Called {
    /// It is answered, from this revision.
    Answered(Revision, Value),
    /// The store has to be asked, and its receipt worded.
    Asking(Box<Edit>, Report),
}

/// Every tool, in the order in which they are listed.
pub const TOOLS: &[ToolSpec] = &{
    let [list, read, write, patch, delete, rename] = files::TOOLS;
    let (search, smart_read) = (search::SEARCH, search::SMART_READ);
    [search, list, read, write, patch, delete, rename, smart_read]
};

/// What other generations of clients call a tool.
const ALIASES: [(&str, &str); 2] = [
    ("memory_find", "memory_search"),
    ("memory_context", "memory_smart_read"),
];

impl ToolKind {
    /// The family of that name, as `?tools=` lists them.
    pub fn parse(name: &str) -> Option<Self> {
        (name == "files").then_some(Self::Files)
    }
}

impl ToolSpec {
    /// The tool of that name. Refuses a name that none has.
    pub fn find(name: &str) -> Result<&'static Self, Rejection> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let meant = alias.map_or(name, |(_, meant)| meant);
        let tool = TOOLS.iter().find(|tool| tool.name == meant);
        tool.ok_or_else(|| Rejection::UnknownTool {
            tool: name.chars().take(100).collect(),
        })
    }

    /// The role it takes to call it.
    pub fn role(&self) -> Role {
        match self.run {
            Run::Read(_) | Run::Find(_) => Role::Reader,
            Run::Write(_) => Role::Agent,
        }
    }

    /// Whether a call may keep a thread for a while.
    pub fn may_block(&self) -> bool {
        matches!(self.run, Run::Find(_))
    }

    /// The tool as a model's API wants it described.
    pub fn definition(&self) -> Value {
        let schema = (self.schema)();
        json!({ "name": self.name, "description": self.description, "inputSchema": schema })
    }

    /// Calls the tool. A call with an id of its own, or under a `retry_key`, is done once however often it comes.
    pub fn call(
        &self,
        memory: &Memory,
        caller: &Caller,
        arguments: &Value,
        retry_key: Option<&str>,
    ) -> Result<Called, Error> {
        match self.run {
            Run::Read(read) => {
                let view = memory.view(caller);
                let answer = read(&view, arguments)?;
                Ok(Called::Answered(view.revision(), answer))
            }
            Run::Find(find) => {
                let (revision, answer) = find(memory, caller, arguments)?;
                Ok(Called::Answered(revision, answer))
            }
            Run::Write(plan) => {
                let Intent { deed, reason } = plan(arguments)?;
                let report = Report::of(&deed);
                let idempotency_key = self.idempotency_key(caller, arguments, retry_key);
                let terms = Terms {
                    reason,
                    idempotency_key,
                    ..Terms::default()
                };
                let edit = memory.edit(caller, deed, terms)?;
                Ok(Called::Asking(Box::new(edit), report))
            }
        }
    }

    fn idempotency_key(
        &self,
        caller: &Caller,
        arguments: &Value,
        retry_key: Option<&str>,
    ) -> Option<String> {
        let call = retry_key.or(caller.tool_call.as_deref())?;
        // A client may well write the keys of an object in another order the second time.
        let mut arguments = arguments.clone();
        arguments.sort_all_objects();
        let arguments = arguments.to_string();
        Some(idempotency_key(
            caller,
            &[self.name, call, &arguments].map(str::as_bytes),
        ))
    }
}

/// The definitions of the tools of these families that a role may call, in their order.
pub fn definitions(kinds: &[ToolKind], role: Role) -> Vec<Value> {
    let listed = TOOLS
        .iter()
        .filter(|tool| kinds.contains(&tool.kind) && tool.role() <= role);
    listed.map(ToolSpec::definition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_what_every_model_api_takes() {
        for tool in TOOLS {
            let schema = (tool.schema)();
            assert_eq!(schema["type"], "object", "{}", tool.name);
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            for keyword in ["oneOf", "anyOf", "allOf", "not", "$ref"] {
                assert!(schema.get(keyword).is_none(), "{} {keyword}", tool.name);
            }
            let properties = schema["properties"].as_object().unwrap();
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    properties.contains_key(required.as_str().unwrap()),
                    "{}",
                    tool.name
                );
            }
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{} {name}", tool.name);
            }
        }
    }

    #[test]
    fn a_reader_is_offered_nothing_that_writes() {
        let names = |role| -> Vec<_> {
            let listed = definitions(&[ToolKind::Files], role).into_iter();
            listed
                .map(|tool| tool["name"].as_str().unwrap().to_owned())
                .collect()
        };
        let reading = [
            "memory_search",
            "memory_list",
            "memory_read",
            "memory_smart_read",
        ];
        assert_eq!(names(Role::Reader), reading);
        assert_eq!(
            names(Role::Agent),
            TOOLS.iter().map(|tool| tool.name).collect::<Vec<_>>()
        );
    }

    #[test]
    fn only_the_same_call_has_the_same_key() {
        let write = ToolSpec::find("memory_write").unwrap();
        let caller = |user: &str, tool_call: Option<&str>| {
            use crate::model::caller::{Credential, Door, Named, Teams};
            let named = Named {
                user: Some(user),
                tool_call,
                ..Named::default()
            };
            Caller::new(
                &Credential::open_door(),
                Door::Agents,
                named,
                &Teams::default(),
            )
            .unwrap()
        };
        let ann = caller("ann", Some("call_1"));
        let key =
            |caller: &Caller, arguments: Value| write.idempotency_key(caller, &arguments, None);
        let first = key(&ann, json!({ "path": "user/a.md", "content": "a" }));
        assert!(first.is_some());
        assert_eq!(
            first,
            key(&ann, json!({ "content": "a", "path": "user/a.md" }))
        );
        let others = [
            key(&ann, json!({ "path": "user/a.md", "content": "b" })),
            key(
                &caller("ann", Some("call_2")),
                json!({ "path": "user/a.md", "content": "a" }),
            ),
            key(
                &caller("bob", Some("call_1")),
                json!({ "path": "user/a.md", "content": "a" }),
            ),
            key(
                &caller("ann", None),
                json!({ "path": "user/a.md", "content": "a" }),
            ),
        ];
        others.iter().for_each(|other| assert_ne!(first, *other));
    }
}
