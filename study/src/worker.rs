//! The worker: one runtime in a process of its own, which reads requests and prints replies.

pub mod measure;

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::convention::Convention;
use crate::protocol::{Compiled, Reply, Request, Resident};
use crate::runtime::{Program, Runtime};
use crate::runtimes::Name;

/// Serves requests until standard input closes.
pub fn serve(runtime: Name) -> Result<()> {
    let mut worker = Worker {
        runtime: runtime.start()?,
        programs: HashMap::new(),
    };
    let mut output = io::stdout();
    for line in io::stdin().lock().lines() {
        let request = serde_json::from_str(&line?)?;
        worker.runtime.set_busy(true);
        let reply = worker.respond(&request)?;
        worker.runtime.set_busy(false);
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    // Skips destructors: they take time, and threads may still use the runtime.
    std::process::exit(0)
}

struct Worker {
    runtime: Box<dyn Runtime>,
    /// Compiled programs by path.
    programs: HashMap<PathBuf, Box<dyn Program>>,
}

impl Worker {
    fn respond(&mut self, request: &Request) -> Result<String> {
        match request {
            Request::Compile { wasm } => reply(self.compile(wasm)),
            Request::Measure {
                wasm,
                convention,
                reuse,
                input,
                response,
                millis,
            } => reply(self.program(wasm).and_then(|program| {
                let workload = measure::Workload {
                    program,
                    convention: *convention,
                    input: read(input)?,
                };
                workload.measure(*reuse, response, *millis)
            })),
            Request::Resident {
                wasm,
                convention,
                input,
                copies,
            } => reply(self.resident(wasm, *convention, input, *copies)),
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

    fn resident(
        &mut self,
        wasm: &Path,
        convention: Convention,
        input: &Path,
        copies: u8,
    ) -> Result<Resident> {
        let (bytes, input) = (read(wasm)?, read(input)?);
        for copy in 0..copies {
            // A custom section makes each copy a different module.
            let other = [bytes.as_slice(), &[0, 2, 0, copy]].concat();
            let program = self.runtime.compile(&other)?;
            program.start()?.call(convention, &input)?;
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
        // The errors before the root are the location in the guest.
        Err(error) => Reply::Error(error.root_cause().to_string()),
    })?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Returns the resident memory of this process, in KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line
        .context("/proc/self/status has no VmRSS")?
        .trim()
        .trim_end_matches(" kB");
    Ok(kilobytes.parse()?)
}
