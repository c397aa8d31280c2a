//! Time and memory of a start with sixteen Kubewarden policies, with a cold and a warm code cache.
//! Each policy validates its settings.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use engine::{Engine, Options};
use host::{FileModules, Host};

use crate::policies;

/// Measures starts, each in a process of its own, and prints a table of medians.
pub fn measure(rounds: usize) -> anyhow::Result<()> {
    println!("## A start with sixteen policies\n");
    println!("| Code cache | ready after ms | resident MB |");
    println!("|---|---:|---:|");
    let cache = tempfile::tempdir()?;
    let cold = start(cache.path())?;
    println!("| cold | {:.0} | {:.0} |", millis(cold.0), cold.1);
    let mut warm = Vec::new();
    for _ in 0..rounds.max(1) {
        warm.push(start(cache.path())?);
    }
    warm.sort_by_key(|(time, _)| *time);
    let median = warm[warm.len() / 2];
    println!("| warm | {:.0} | {:.0} |\n", millis(median.0), median.1);
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn start(cache: &Path) -> anyhow::Result<(Duration, f64)> {
    let output = Command::new(std::env::current_exe()?)
        .arg("start-once")
        .arg(cache)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let (micros, kilobytes) = text
        .trim()
        .split_once(' ')
        .context("the start printed no result")?;
    let megabytes = kilobytes.parse::<f64>()? / 1000.0;
    Ok((Duration::from_micros(micros.parse()?), megabytes))
}

/// Starts once, and prints the time in microseconds and the resident memory in kilobytes.
pub fn once(code_cache: PathBuf) -> anyhow::Result<()> {
    let begin = Instant::now();
    let engine = Engine::new(Options {
        code_cache: Some(code_cache),
        ..Options::default()
    })?;
    let host = Host::load(&policies::sixteen()?, &FileModules, &engine)?;
    let time = begin.elapsed();
    anyhow::ensure!(host.policies().count() == 16);
    println!("{} {}", time.as_micros(), resident()?);
    Ok(())
}

fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line
        .context("/proc/self/status has no VmRSS")?
        .trim()
        .trim_end_matches(" kB");
    Ok(kilobytes.parse::<u64>()? * 1024 / 1000)
}
