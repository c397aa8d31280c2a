//! The standard metrics of a process
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>), read from
//! `/proc` (proc(5)). A metric that cannot be read is left out.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// `USER_HZ`, the unit of times in `/proc/self/stat`: 100 on all supported architectures.
const TICKS_PER_SECOND: f64 = 100.0;

/// A collector that reads `/proc` at each scrape.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encode = |name, help, unit: Option<Unit>, metric: &dyn EncodeMetric| {
            let metric_type = metric.metric_type();
            let encoder = encoder.encode_descriptor(name, help, unit.as_ref(), metric_type)?;
            metric.encode(encoder)
        };
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let stat = read("/proc/self/stat");
        let status = read("/proc/self/status");
        if let Some(seconds) = cpu_seconds(&stat) {
            let help = "Total user and system CPU time";
            let metric = ConstCounter::new(seconds);
            encode("cpu", help, Some(Unit::Seconds), &metric)?;
        }
        if let Some(time) = start_time(&stat, &read("/proc/stat")) {
            let help = "Start time of the process since the Unix epoch";
            let metric = ConstGauge::new(time);
            encode("start_time", help, Some(Unit::Seconds), &metric)?;
        }
        for (name, help, field) in [
            ("resident_memory", "Resident memory size", "VmRSS:"),
            ("virtual_memory", "Virtual memory size", "VmSize:"),
        ] {
            if let Some(bytes) = memory_bytes(&status, field) {
                encode(name, help, Some(Unit::Bytes), &ConstGauge::new(bytes))?;
            }
        }
        let counts = [
            ("open_fds", "Number of open file descriptors", open_fds()),
            (
                "max_fds",
                "Maximum number of open file descriptors",
                max_fds(&read("/proc/self/limits")),
            ),
            ("threads", "Number of threads", threads(&status)),
        ];
        for (name, help, count) in counts {
            if let Some(count) = count {
                encode(name, help, None, &ConstGauge::new(count))?;
            }
        }
        Ok(())
    }
}

/// Returns the field with this number of proc_pid_stat(5), from 3 on. The second field is a name in
/// parentheses and may contain spaces.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let index = number.checked_sub(3)?;
    fields.split_ascii_whitespace().nth(index)?.parse().ok()
}

/// Returns `utime` and `stime`.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let ticks = stat_field(stat, 14)? + stat_field(stat, 15)?;
    Some(ticks / TICKS_PER_SECOND)
}

/// Returns `starttime`, which is relative to the boot, plus the time of the boot.
fn start_time(stat: &str, system: &str) -> Option<f64> {
    let boot = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    let boot: f64 = boot.trim().parse().ok()?;
    Some(boot + stat_field(stat, 22)? / TICKS_PER_SECOND)
}

/// Returns a field such as `VmRSS:      1234 kB`.
fn memory_bytes(status: &str, field: &str) -> Option<i64> {
    let kilobytes = status_field(status, field)?.strip_suffix(" kB")?;
    kilobytes.parse::<i64>().ok()?.checked_mul(1024)
}

fn threads(status: &str) -> Option<i64> {
    status_field(status, "Threads:")?.parse().ok()
}

fn status_field<'a>(status: &'a str, field: &str) -> Option<&'a str> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(value.trim())
}

fn open_fds() -> Option<i64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    i64::try_from(count).ok()
}

/// Returns the soft limit. `unlimited` is left out.
fn max_fds(limits: &str) -> Option<i64> {
    let limit = status_field(limits, "Max open files")?;
    limit.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    const STAT: &str = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1200 5 6 7 18446744073709551615";

    #[test]
    fn parses_the_files_of_linux() {
        assert_eq!(cpu_seconds(STAT), Some(3.0));
        assert_eq!(start_time(STAT, "cpu 1 2\nbtime 1000\n"), Some(1012.0));
        let status = "VmPeak:\t 5 kB\nVmRSS:\t    1234 kB\nThreads:\t17\n";
        assert_eq!(memory_bytes(status, "VmRSS:"), Some(1234 * 1024));
        assert_eq!(threads(status), Some(17));
        let limits = "Max open files            1024                 524288               files\n";
        assert_eq!(max_fds(limits), Some(1024));
    }

    #[test]
    fn ignores_other_text() {
        for text in ["", "nonsense", ")", "Max open files unlimited"] {
            assert_eq!(cpu_seconds(text), None);
            assert_eq!(start_time(text, text), None);
            assert_eq!(memory_bytes(text, "VmRSS:"), None);
            assert_eq!(max_fds(text), None);
        }
    }

    #[test]
    fn has_the_standard_names() {
        let mut registry = Registry::default();
        let process = registry.sub_registry_with_prefix("process");
        process.register_collector(Box::new(ProcessCollector));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for name in [
            "process_cpu_seconds_total",
            "process_start_time_seconds",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_open_fds",
            "process_threads",
        ] {
            let is_sample = |line: &str| line.split(' ').next() == Some(name);
            assert!(text.lines().any(is_sample), "{name}\n{text}");
        }
    }
}
