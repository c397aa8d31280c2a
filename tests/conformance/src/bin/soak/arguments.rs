//! The command line of the soak test.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use conformance::FrontEnd;

/// The command line.
#[derive(Debug)]
pub struct Arguments {
    /// The front ends to test, one after the other.
    pub front_ends: Vec<FrontEnd>,
    /// The duration of changes under load for each front end, without starts and kills.
    pub duration: Duration,
    /// The number of concurrent requests.
    pub callers: u64,
    /// The number of times that the server is killed.
    pub kills: u64,
    /// The seed of requests and changes.
    pub seed: u64,
    /// The directory of all files, with a directory for each front end; by default temporary ones.
    pub directory: Option<PathBuf>,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    /// If an option is unknown or a value is invalid.
    pub fn from_command_line() -> Result<Self> {
        Self::parse(std::env::args().skip(1))
    }

    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            front_ends: vec![FrontEnd::Webhook, FrontEnd::InProcess],
            duration: Duration::from_secs(5 * 60),
            callers: 16,
            kills: 3,
            seed: 1,
            directory: None,
        };
        while let Some(option) = words.next() {
            let value = words
                .next()
                .with_context(|| format!("`{option}` requires a value"))?;
            match option.as_str() {
                "--front-end" => parsed.front_ends = front_ends(&value)?,
                "--minutes" => parsed.duration = minutes(&value)?,
                "--callers" => parsed.callers = number(&option, &value)?,
                "--kills" => parsed.kills = number(&option, &value)?,
                "--seed" => parsed.seed = number(&option, &value)?,
                "--dir" => parsed.directory = Some(value.into()),
                _ => bail!("unknown option `{option}`"),
            }
        }
        Ok(parsed)
    }
}

/// Returns the name of a front end on the command line.
pub fn front_end_name(front_end: FrontEnd) -> &'static str {
    match front_end {
        FrontEnd::Webhook => "webhook",
        FrontEnd::InProcess => "in-process",
        FrontEnd::None => "none",
    }
}

fn front_ends(name: &str) -> Result<Vec<FrontEnd>> {
    Ok(match name {
        "webhook" => vec![FrontEnd::Webhook],
        "in-process" => vec![FrontEnd::InProcess],
        "both" => vec![FrontEnd::Webhook, FrontEnd::InProcess],
        _ => bail!("unknown front end `{name}`; expected `webhook`, `in-process` or `both`"),
    })
}

fn minutes(text: &str) -> Result<Duration> {
    let minutes: f64 = number("--minutes", text)?;
    Duration::try_from_secs_f64(minutes * 60.0)
        .with_context(|| format!("`--minutes {text}` is not a duration"))
}

fn number<T: FromStr>(option: &str, text: &str) -> Result<T> {
    text.parse()
        .ok()
        .with_context(|| format!("`{option}` requires a number, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Arguments> {
        Arguments::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn tests_both_front_ends_by_default() {
        let arguments = parse("").unwrap();
        assert_eq!(
            arguments.front_ends,
            [FrontEnd::Webhook, FrontEnd::InProcess]
        );
        assert_eq!(arguments.duration, Duration::from_secs(300));
    }

    #[test]
    fn accepts_fractions_of_minutes() {
        let arguments = parse("--front-end webhook --minutes 0.5").unwrap();
        assert_eq!(arguments.front_ends, [FrontEnd::Webhook]);
        assert_eq!(arguments.duration, Duration::from_secs(30));
        assert!(parse("--minutes -1").is_err());
        assert!(parse("--front-end back").is_err());
        assert!(parse("--minutes").is_err());
    }
}
