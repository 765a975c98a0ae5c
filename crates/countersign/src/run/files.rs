//! Files that the configuration names (certificates, keys, authorities, secrets), looked at every second: one that has
//! changed is taken as by a reload, with the configuration that is in force.

use super::program::Program;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often they are looked at.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// Looks for ever. What was refused is not tried again before a file changes once more.
pub(super) async fn watch(program: &Arc<Program>) {
    let (mut generation, mut seen) = program.stamps();
    let mut ticks = interval(LOOKED_AT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (now_in_force, stamps) = program.stamps();
        if now_in_force != generation {
            (generation, seen) = (now_in_force, stamps);
        }
        let before = seen.clone();
        let Ok(now) = program.aside(move |_| Ok(before.again())).await else {
            continue;
        };
        let changed = now.changed_since(&seen).map(ToOwned::to_owned);
        seen = now;
        if let Some(changed) = changed {
            // It is told where it is done.
            drop(program.renew(&changed).await);
        }
    }
}
