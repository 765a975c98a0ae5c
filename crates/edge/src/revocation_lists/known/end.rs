//! The end of the process: what was learnt last is written down, too.

use super::{Known, named};
use std::time::Duration;
use tokio::time::timeout;

impl Known {
    /// Writes down what is known, for the last time. What could not be written within `patience` is told by name.
    pub(in super::super) async fn end(&self, patience: Duration) {
        let mut writer = {
            let mut writer = self.writer();
            writer.is_over = true;
            writer.task.take()
        };
        let all = async {
            // It may have begun before the last list came.
            if let Some(writer) = &mut writer {
                drop(writer.await);
            }
            self.write_down().await;
        };
        if timeout(patience, all).await.is_err()
            && let Some(writer) = writer.filter(|writer| !writer.is_finished())
        {
            writer.abort();
            drop(writer.await);
        }
        self.tell_unwritten().await;
    }

    async fn tell_unwritten(&self) {
        let lists = self.lists().kept();
        let unwritten = self.kept.unwritten(&lists).await.into_iter();
        let unwritten = unwritten.map(|list| {
            let issuer = list.issuer().rfc4514();
            format!("the list of {issuer} of {}", list.this_update())
        });
        let unwritten = unwritten.collect::<Vec<_>>();
        if !unwritten.is_empty() {
            let text = format!(
                "{} of the revocation lists that count are not written down at the end: {}; the next start will not know of them",
                unwritten.len(),
                named(&unwritten)
            );
            self.tell("warning", "crl_kept", &text);
        }
    }
}
