//! The process as Linux sees it.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What is read from `/proc/self` (proc(5)); 0 where there is no such folder.
#[derive(Debug, Default)]
pub(super) struct Process {
    resident: Gauge,
    open_files: Gauge,
    processor: Counter<f64, AtomicU64>,
}

impl Process {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "resident_memory",
            "Memory of the process that is in use",
            Unit::Bytes,
            self.resident.clone(),
        );
        registry.register(
            "open_files",
            "Files and sockets that the process has open",
            self.open_files.clone(),
        );
        registry.register_with_unit(
            "processor_time",
            "Processor time of the process",
            Unit::Seconds,
            self.processor.clone(),
        );
    }

    /// Reads it anew.
    pub(super) fn look(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        self.resident.set(resident(&status));
        let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_files.set(i64::try_from(open).unwrap_or(i64::MAX));
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        self.processor
            .inner()
            .store(processor(&stat).to_bits(), Ordering::Relaxed);
    }
}

/// `VmRSS:      1234 kB`, in bytes.
fn resident(status: &str) -> i64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<i64>().ok())
        .map_or(0, |kilobytes| kilobytes.saturating_mul(1024))
}

/// `utime` and `stime` of proc_pid_stat(5), the 14th and 15th field, in seconds; the second field is a name in parentheses.
fn processor(stat: &str) -> f64 {
    /// `USER_HZ`, which is 100 wherever this runs.
    const TICKS_PER_SECOND: f64 = 100.0;
    let after_name = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        assert_eq!(
            resident("VmPeak:\t 5 kB\nVmRSS:\t    1234 kB\n"),
            1234 * 1024
        );
        assert_eq!(resident("nonsense"), 0);
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1";
        assert!((processor(stat) - 3.0).abs() < 1e-9);
        assert!(processor("").abs() < 1e-9);
    }
}
