//! The command line of the soak.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use conformance::Door;

/// What the soak is asked for.
#[derive(Debug)]
pub struct Arguments {
    /// The ways from the API server to the policies, one after the other.
    pub doors: Vec<Door>,
    /// How long things change under load at each door; starting and killing come on top.
    pub duration: Duration,
    /// How many requests are under way at once.
    pub callers: u64,
    /// How often the server is killed.
    pub kills: u64,
    /// What requests and changes are drawn from.
    pub seed: u64,
    /// Where everything is kept, in a folder for each door; fresh directories that go away without it.
    pub directory: Option<PathBuf>,
}

impl Arguments {
    /// Reads the command line.
    ///
    /// # Errors
    /// An argument that is not known, or a value that does not fit.
    pub fn from_command_line() -> Result<Self> {
        Self::read(std::env::args().skip(1))
    }

    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut found = Self {
            doors: vec![Door::Webhook, Door::InProcess],
            duration: Duration::from_secs(5 * 60),
            callers: 16,
            kills: 3,
            seed: 1,
            directory: None,
        };
        while let Some(option) = words.next() {
            let value = words
                .next()
                .with_context(|| format!("`{option}` needs a value"))?;
            match option.as_str() {
                "--door" => found.doors = doors(&value)?,
                "--minutes" => found.duration = minutes(&value)?,
                "--callers" => found.callers = number(&option, &value)?,
                "--kills" => found.kills = number(&option, &value)?,
                "--seed" => found.seed = number(&option, &value)?,
                "--dir" => found.directory = Some(value.into()),
                _ => bail!("unknown option `{option}`"),
            }
        }
        Ok(found)
    }
}

/// What a door is called.
pub fn door_name(door: Door) -> &'static str {
    match door {
        Door::Webhook => "webhook",
        Door::InProcess => "in-process",
        Door::Closed => "none",
    }
}

fn doors(name: &str) -> Result<Vec<Door>> {
    Ok(match name {
        "webhook" => vec![Door::Webhook],
        "in-process" => vec![Door::InProcess],
        "both" => vec![Door::Webhook, Door::InProcess],
        _ => bail!("there is no door `{name}`; `webhook`, `in-process` and `both` are known"),
    })
}

fn minutes(text: &str) -> Result<Duration> {
    let minutes: f64 = number("--minutes", text)?;
    Duration::try_from_secs_f64(minutes * 60.0)
        .with_context(|| format!("`--minutes {text}` is no duration"))
}

fn number<T: FromStr>(option: &str, text: &str) -> Result<T> {
    text.parse()
        .ok()
        .with_context(|| format!("`{option}` needs a number, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Arguments> {
        Arguments::read(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_options_both_doors_are_soaked() {
        let arguments = read("").unwrap();
        assert_eq!(arguments.doors, [Door::Webhook, Door::InProcess]);
        assert_eq!(arguments.duration, Duration::from_secs(300));
    }

    #[test]
    fn reads_fractions_of_minutes() {
        let arguments = read("--door webhook --minutes 0.5").unwrap();
        assert_eq!(arguments.doors, [Door::Webhook]);
        assert_eq!(arguments.duration, Duration::from_secs(30));
        assert!(read("--minutes -1").is_err());
        assert!(read("--door back").is_err());
        assert!(read("--minutes").is_err());
    }
}
