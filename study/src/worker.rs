//! One runtime in a process of its own: reads requests, prints replies.

pub mod measure;

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::protocol::{Compiled, Reply, Request, Resident};
use crate::runtimes::{Name, Program, Runtime};
use crate::ways::Way;

/// Serves until there are no more requests.
pub fn serve(runtime: Name) -> Result<()> {
    let mut worker = Worker {
        runtime: runtime.start()?,
        programs: HashMap::new(),
    };
    let mut output = io::stdout();
    for line in io::stdin().lock().lines() {
        let request = serde_json::from_str(&line?)?;
        worker.runtime.set_busy(true);
        let reply = worker.answer(&request)?;
        worker.runtime.set_busy(false);
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    // Taking down what was loaded is nothing that is measured, and threads may still use it.
    std::process::exit(0)
}

struct Worker {
    runtime: Box<dyn Runtime>,
    /// What has been compiled, by its file.
    programs: HashMap<PathBuf, Box<dyn Program>>,
}

impl Worker {
    fn answer(&mut self, request: &Request) -> Result<String> {
        match request {
            Request::Compile { wasm } => reply(self.compile(wasm)),
            Request::Measure {
                wasm,
                way,
                reuse,
                input,
                answer,
                millis,
            } => reply(self.program(wasm).and_then(|program| {
                let asked = measure::Asked {
                    program,
                    way: *way,
                    input: read(input)?,
                };
                asked.measure(*reuse, answer, *millis)
            })),
            Request::Resident {
                wasm,
                way,
                input,
                copies,
            } => reply(self.resident(wasm, *way, input, *copies)),
        }
    }

    fn program(&mut self, wasm: &Path) -> Result<&dyn Program> {
        if !self.programs.contains_key(wasm) {
            let program = self.runtime.compile(&read(wasm)?)?;
            self.programs.insert(wasm.to_path_buf(), program);
        }
        Ok(self.programs[wasm].as_ref())
    }

    fn compile(&self, wasm: &Path) -> Result<Compiled> {
        let bytes = read(wasm)?;
        let begin = Instant::now();
        let program = self.runtime.compile(&bytes)?;
        let nanos = u64::try_from(begin.elapsed().as_nanos())?;
        Ok(Compiled {
            nanos,
            code_bytes: program.code_bytes()?,
        })
    }

    fn resident(&mut self, wasm: &Path, way: Way, input: &Path, copies: u8) -> Result<Resident> {
        let (bytes, input) = (read(wasm)?, read(input)?);
        for copy in 0..copies {
            // Another module each time, as far as a runtime can tell: a custom section without a name.
            let other = [bytes.as_slice(), &[0, 2, 0, copy]].concat();
            let program = self.runtime.compile(&other)?;
            program.start()?.call(way, &input)?;
            self.programs.insert(wasm.join(copy.to_string()), program);
        }
        Ok(Resident {
            kilobytes: resident()?,
        })
    }
}

fn reply<T: Serialize>(outcome: Result<T>) -> Result<String> {
    Ok(serde_json::to_string(&match outcome {
        Ok(figures) => Reply::Ok(figures),
        // What comes before the root is where in the guest it happened.
        Err(error) => Reply::Error(error.root_cause().to_string()),
    })?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// What this process has in memory, in KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.context("VmRSS")?.trim().trim_end_matches(" kB");
    Ok(kilobytes.parse()?)
}
