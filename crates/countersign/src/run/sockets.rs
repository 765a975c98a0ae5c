//! The sockets in force. What a configuration wants is put beside what is open: what can fail is done before anything is
//! taken, and the rest in one step that cannot.

use countersign_edge::gateway::{self, Faces};
use countersign_edge::listen::{Address, Handler, Limits, Listener, Server, SystemdSockets, UnixAccess};
use countersign_edge::log::Log;
use countersign_edge::metrics::Metrics;
use countersign_edge::serve::{Service, Shared};
use countersign_edge::status::Status;
use std::borrow::Borrow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

pub(super) use change::Change;

use change::{Source, Wanted};

mod change;

/// Everything that listens.
#[derive(Debug)]
pub(super) struct Sockets {
    server: Server,
    metrics: Arc<Metrics>,
    systemd: SystemdSockets,
    open: Vec<Open>,
    /// Those that were removed, while connections of theirs are not over: they are spoken to as before.
    leaving: Vec<Leaving>,
    tasks: JoinSet<()>,
    /// The number of the next face.
    next: usize,
    stopped: bool,
}

/// A socket that is listened on.
#[derive(Debug)]
struct Open {
    address: Address,
    access: UnixAccess,
    listener: Arc<Listener>,
    serves: Serves,
    stop: watch::Sender<bool>,
    closed: Closed,
    task: AbortHandle,
}

/// Ends when a removed socket does not accept any more.
pub(super) type Closed = oneshot::Receiver<()>;

/// A socket as its task holds it; the end of the second tells that the first was let go.
struct Held(
    Arc<Listener>,
    #[expect(dead_code, reason = "its end is what matters")] oneshot::Sender<()>,
);

impl Borrow<Listener> for Held {
    fn borrow(&self) -> &Listener {
        &self.0
    }
}

#[derive(Debug)]
struct Leaving {
    face: Option<Face>,
    task: AbortHandle,
}

/// What is served on a socket.
#[derive(Clone, Debug)]
enum Serves {
    Decisions(Face),
    Status,
}

#[derive(Clone, Debug)]
struct Face {
    number: usize,
    speaks: String,
    how: gateway::Face,
}

impl Serves {
    fn face(&self) -> Option<&Face> {
        match self {
            Self::Decisions(face) => Some(face),
            Self::Status => None,
        }
    }

    fn word(&self) -> String {
        match self {
            Self::Decisions(face) if face.how.hosts.is_some() => format!("{}, TLS", face.speaks),
            Self::Decisions(face) => face.speaks.clone(),
            Self::Status => "status".to_owned(),
        }
    }

    /// Whether connections to one may go on as connections to the other: whoever came in the clear is never taken for
    /// somebody who came over TLS.
    fn is_like(&self, other: &Self) -> bool {
        let is_tls = |serves: &Self| serves.face().map(|face| face.how.hosts.is_some());
        is_tls(self) == is_tls(other)
    }
}

impl Sockets {
    /// None yet.
    pub(super) fn new(systemd: SystemdSockets, metrics: &Arc<Metrics>) -> Self {
        Self {
            server: Server::new(Limits::default(), Arc::clone(metrics)),
            metrics: Arc::clone(metrics),
            systemd,
            open: Vec::new(),
            leaving: Vec::new(),
            tasks: JoinSet::new(),
            next: 0,
            stopped: false,
        }
    }

    /// Whether the end has begun.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The faces once `change` is in force. Also those of sockets that are being closed, as they were.
    pub(super) fn faces(&self, change: &Change) -> Faces {
        let mut faces = Vec::<(usize, gateway::Face)>::new();
        let after = change.0.iter().filter_map(|(wanted, source)| {
            let face = wanted.serves.face()?;
            Some((self.number(face, wanted, source), face))
        });
        let open = self.open.iter().filter_map(|open| open.serves.face());
        let leaving = self.leaving.iter().filter(|leaving| !leaving.task.is_finished());
        let before = open.chain(leaving.filter_map(|leaving| leaving.face.as_ref()));
        for (number, face) in after.chain(before.map(|face| (face.number, face))) {
            if faces.iter().all(|(known, _)| *known != number) {
                faces.push((number, face.how.clone()));
            }
        }
        faces.into_iter().collect()
    }

    /// The number of a wanted face: that of the socket it stays on, or its new one.
    fn number(&self, face: &Face, wanted: &Wanted, source: &Source) -> usize {
        let open = match source {
            Source::Open(index) => self.open.get(*index),
            Source::New(_) => None,
        };
        let open = open.filter(|open| open.serves.is_like(&wanted.serves));
        let stays = open.and_then(|open| open.serves.face());
        stays.map_or(face.number, |stays| stays.number)
    }

    /// Puts `change` in force. Connections on sockets that stay notice nothing; of those that go it is told when they
    /// are closed.
    pub(super) fn commit(
        &mut self,
        change: Change,
        limits: Limits,
        shared: &Arc<Shared>,
        log: &Log,
    ) -> Vec<Closed> {
        while self.tasks.try_join_next().is_some() {}
        self.leaving.retain(|leaving| !leaving.task.is_finished());
        self.server.limit(limits);
        let numbers = change.0.iter().map(|(wanted, source)| {
            let face = wanted.serves.face();
            face.map(|face| self.number(face, wanted, source))
        });
        let numbers = numbers.collect::<Vec<_>>();
        let mut before = std::mem::take(&mut self.open)
            .into_iter()
            .map(Some)
            .collect::<Vec<_>>();
        for ((mut wanted, source), number) in change.0.into_iter().zip(numbers) {
            if let (Serves::Decisions(face), Some(number)) = (&mut wanted.serves, number) {
                face.number = number;
            }
            let open = match source {
                Source::New(listener) => self.open(wanted, listener, shared, log),
                Source::Open(index) => match before.get_mut(index).and_then(Option::take) {
                    Some(open) => self.keep(open, wanted, shared, log),
                    None => continue,
                },
            };
            self.open.push(open);
        }
        let gone = before.into_iter().flatten();
        gone.map(|gone| self.close(gone, log)).collect()
    }

    fn open(&mut self, wanted: Wanted, listener: Arc<Listener>, shared: &Arc<Shared>, log: &Log) -> Open {
        tell_listening(&wanted, &listener, log);
        let handler = match &wanted.serves {
            Serves::Decisions(face) => {
                let service = Service::new(Arc::clone(shared), face.how.clone());
                Handler::Gateway(service.at_face(face.number))
            }
            Serves::Status => {
                let (metrics, ready) = (Arc::clone(&self.metrics), Arc::new(AtomicBool::new(true)));
                Handler::Status(Status::new(metrics, ready, wanted.address.is_local()))
            }
        };
        let (server, stop) = (self.server.clone(), watch::Sender::new(false));
        let (closing, closed) = oneshot::channel();
        let held = Held(Arc::clone(&listener), closing);
        let stopping = stop.subscribe();
        let task = self
            .tasks
            .spawn(async move { server.run(held, handler, stopping).await });
        Open {
            address: wanted.address,
            access: wanted.access,
            listener,
            serves: wanted.serves,
            stop,
            closed,
            task,
        }
    }

    /// The same socket: its connections stay, unless it serves something else altogether from now on.
    fn keep(&mut self, mut open: Open, wanted: Wanted, shared: &Arc<Shared>, log: &Log) -> Open {
        if !open.serves.is_like(&wanted.serves) {
            let listener = Arc::clone(&open.listener);
            // It is not closed, so nobody waits for that.
            drop(self.leave(open));
            return self.open(wanted, listener, shared, log);
        }
        if open.serves.word() != wanted.serves.word() {
            tell_listening(&wanted, &open.listener, log);
        }
        open.access = wanted.access;
        open.serves = wanted.serves;
        open
    }

    fn close(&mut self, gone: Open, log: &Log) -> Closed {
        let text = format!(
            "{} ({}): what is under way is finished",
            gone.address,
            gone.serves.word()
        );
        log.event("info", "closed", &text);
        if let Address::Systemd(_) = gone.address {
            let text = format!(
                "{}: systemd holds it still, and who connects there waits",
                gone.address
            );
            log.event("warning", "closed", &text);
        }
        self.leave(gone)
    }

    fn leave(&mut self, gone: Open) -> Closed {
        gone.stop.send_replace(true);
        self.leaving.push(Leaving {
            face: gone.serves.face().cloned(),
            task: gone.task,
        });
        gone.closed
    }

    /// Closes everything. What is returned ends when all that is under way has ended.
    pub(super) fn stop(&mut self) -> JoinSet<()> {
        self.stopped = true;
        for open in std::mem::take(&mut self.open) {
            drop(self.leave(open));
        }
        std::mem::take(&mut self.tasks)
    }
}

fn tell_listening(wanted: &Wanted, listener: &Listener, log: &Log) {
    let at = listener.tcp_address();
    let at = at.map_or_else(|| wanted.address.to_string(), |bound| bound.to_string());
    log.event("info", "listening", &format!("{at} ({})", wanted.serves.word()));
}
