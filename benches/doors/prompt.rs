//! The prompt block of the sample memory against nginx sending the same bytes as a file.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{CLIENT_CORE, Server};
use crate::{Outcome, client, nginx, process};

const ROUNDS: usize = 10;
const ROUND: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 16;
const QUESTION: &str = "/v1/prompt-block?userId=alice";
/// What is to be reached: the daemon's processor time for a request, in nginx's.
const TARGET: f64 = 1.25;

/// Runs both in turns and prints the medians.
pub(crate) fn race() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let memory = folder.path().join("memory");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-memory");
    let made = Command::new(env!("CARGO_BIN_EXE_memoryd"))
        .args(["init", "--yes", "--from"])
        .arg(sample)
        .arg(&memory)
        .output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into());
    }
    let daemon = process::memoryd(&memory)?;
    let content = client::body(&daemon.address, QUESTION)?;
    let file = nginx::serve(&folder.path().join("nginx"), &content)?;
    Command::new("taskset")
        .args(["-a", "-cp", CLIENT_CORE, &std::process::id().to_string()])
        .output()?;
    println!(
        "prompt block, {} bytes, {CONNECTIONS} connections, {ROUNDS} rounds of {} s",
        content.len(),
        ROUND.as_secs()
    );
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let ours = cost(&daemon, QUESTION)?;
        let theirs = cost(&file, "/prompt-block")?;
        let ratio = ours.micros / theirs.micros;
        println!(
            "  round {round}: memoryd {:6.2} us ({:6.0}/s), nginx {:6.2} us ({:6.0}/s), ratio {ratio:.2}",
            ours.micros, ours.rate, theirs.micros, theirs.rate
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = f64::midpoint(ratios[ROUNDS / 2 - 1], ratios[ROUNDS / 2]);
    let verdict = if median <= TARGET {
        "reached"
    } else {
        "missed"
    };
    println!(
        "  server processor time a request, memoryd / nginx: {median:.2} (at most {TARGET}: {verdict})"
    );
    file.stop()?;
    daemon.stop()
}

/// What a request costs a server.
struct Cost {
    micros: f64,
    rate: f64,
}

fn cost(server: &Server, path: &str) -> Outcome<Cost> {
    let before = server.processor_time()?;
    let answers = client::hammer(&server.address, path, CONNECTIONS, ROUND)?;
    let spent = server.processor_time()? - before;
    let (spent, answers) = (spent.as_secs_f64(), answers as f64);
    Ok(Cost {
        micros: spent * 1e6 / answers,
        rate: answers / ROUND.as_secs_f64(),
    })
}
