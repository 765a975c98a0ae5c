//! What the sessions' keeper counts.

use countersign_edge::sessions::SessionStats;
use std::fmt::{Result, Write as _};

/// A figure: its name after `countersign_`, whether it only grows, what it tells, and its value.
type Figure = (&'static str, bool, &'static str, u64);

pub(super) fn write(text: &mut String, stats: &SessionStats) -> Result {
    let figures: [Figure; 6] = [
        ("sessions_begun", true, "Sessions that began.", stats.begun),
        (
            "session_records_unopened",
            true,
            "Records of the store that no key opens.",
            stats.unopened,
        ),
        (
            "session_store_failures",
            true,
            "Questions that the session store could not answer.",
            stats.away,
        ),
        (
            "session_cache_entries",
            false,
            "Sessions remembered between two questions to the store.",
            stats.entries as u64,
        ),
        (
            "session_cache_bytes",
            false,
            "Memory the remembered sessions take.",
            stats.bytes,
        ),
        (
            "session_renewals_under_way",
            false,
            "Renewals that wait for an issuer.",
            stats.under_way as u64,
        ),
    ];
    for (name, grows, help, value) in figures {
        let (kind, total) = if grows {
            ("counter", "_total")
        } else {
            ("gauge", "")
        };
        writeln!(text, "# HELP countersign_{name} {help}")?;
        writeln!(text, "# TYPE countersign_{name} {kind}")?;
        writeln!(text, "countersign_{name}{total} {value}")?;
    }
    writeln!(
        text,
        "# HELP countersign_sessions_ended Sessions that ended, by why."
    )?;
    writeln!(text, "# TYPE countersign_sessions_ended counter")?;
    for (reason, value) in &stats.ended {
        writeln!(
            text,
            "countersign_sessions_ended_total{{reason=\"{reason}\"}} {value}"
        )?;
    }
    writeln!(
        text,
        "# HELP countersign_session_renewals Renewals at the issuer, by what came of them."
    )?;
    writeln!(text, "# TYPE countersign_session_renewals counter")?;
    for (result, value) in [
        ("ok", stats.renewed),
        ("refused", stats.refused),
        ("failed", stats.not_renewed),
    ] {
        writeln!(
            text,
            "countersign_session_renewals_total{{result=\"{result}\"}} {value}"
        )?;
    }
    Ok(())
}
