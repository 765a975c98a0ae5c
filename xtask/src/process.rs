//! What /proc tells of processes.

use std::collections::BTreeSet;

/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process and all its children.
pub(crate) fn tree(root: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(process) = open.pop() {
        let path = format!("/proc/{process}/task/{process}/children");
        let children = std::fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        for child in children.split_whitespace().filter_map(|text| text.parse().ok()) {
            if found.insert(child) {
                open.push(child);
            }
        }
    }
    found
}

/// User and system seconds of one process.
pub(crate) fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read(format!("/proc/{process}/stat")).unwrap_or_default();
    let stat = String::from_utf8_lossy(&stat);
    // After the name in parentheses: fields 3 and on; utime is field 14, stime 15.
    let fields = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace();
    let ticks = fields.skip(11).take(2);
    ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

/// Resident memory of one process, in KiB.
pub(crate) fn resident_kib(process: u32) -> u64 {
    status_kib(process, "VmRSS:")
}

/// The most memory that was ever resident, in KiB.
pub(crate) fn peak_kib(process: u32) -> u64 {
    status_kib(process, "VmHWM:")
}

/// Resident memory, a page that several processes share counted by their shares, in KiB.
pub(crate) fn proportional_kib(process: u32) -> u64 {
    field_kib(process, "smaps_rollup", "Pss:")
}

fn status_kib(process: u32, field: &str) -> u64 {
    field_kib(process, "status", field)
}

fn field_kib(process: u32, file: &str, field: &str) -> u64 {
    let status = std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
    let status = String::from_utf8_lossy(&status).into_owned();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
