//! What people and the system ask of a running station, and how it comes to the line process.

use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::clerk::{Chores, Found, Search, Wish as ModelWish};
use super::reload::{Reading, Wish};
use crate::control::{Reply, Request};
use crate::error::EdgeError;

/// Orders that may wait for the line process.
pub(super) const ORDERS_MAX: usize = 16;

/// For the line process, which answers without waiting.
#[derive(Debug)]
pub(super) enum Order {
    /// Say what the station is doing.
    Tell(Sender<Reply>),
    /// Say what became of the last parts.
    TellRecent(Sender<Reply>),
    /// Say what becomes of the next part, if it is the one that is meant.
    TellNext {
        after: Option<u64>,
        number: Option<u64>,
        answer: Sender<Reply>,
    },
    /// A part lies before the sensor now.
    Trigger(Sender<Reply>),
    /// Judge what lies before the camera now, and let nobody else know.
    TestPart(Sender<Reply>),
    /// The next part is the challenge part.
    Challenge(Sender<Reply>),
    /// Try the GPU again.
    RetryEngine(Sender<Reply>),
    /// Take a configuration over, if that is possible.
    Adopt(Box<Reading>),
    /// Take a model over, if there is one.
    Activate(Box<ModelWish>),
    /// Take the model over that was before this one.
    GoBack(Sender<Reply>),
    /// Whether it could be written down which model is in charge.
    Recorded(bool),
    /// Select a recipe, if there is one of that name or number.
    Select {
        typed: String,
        answer: Sender<Reply>,
    },
    /// The model of a recipe, by its number, or why it has none.
    RecipeFound(Box<(u32, Result<Found, String>)>),
    /// Models that are worth a process in reserve, the most important first.
    Keep(Vec<Found>),
    /// What has become of plans that the GPU lacks, or why there are none.
    PlansBuilt(Result<(), String>),
    /// Whether there is memory for a process in reserve, or why not.
    Weighed {
        generation: u64,
        may_start: Result<(), String>,
    },
}

/// Hands requests of the control socket on; whether there was room.
pub(super) fn desk(
    orders: Sender<Order>,
    wishes: Sender<Wish>,
    chores: Chores,
) -> impl Fn(Request, Sender<Reply>) -> bool + Clone + Send + 'static {
    move |request, answer| match request {
        Request::Status => orders.try_send(Order::Tell(answer)).is_ok(),
        Request::Recent => orders.try_send(Order::TellRecent(answer)).is_ok(),
        Request::NextPart { after, number } => orders
            .try_send(Order::TellNext {
                after,
                number,
                answer,
            })
            .is_ok(),
        Request::Trigger => orders.try_send(Order::Trigger(answer)).is_ok(),
        Request::TestPart => orders.try_send(Order::TestPart(answer)).is_ok(),
        Request::RetryEngine => orders.try_send(Order::RetryEngine(answer)).is_ok(),
        Request::Challenge => orders.try_send(Order::Challenge(answer)).is_ok(),
        Request::Reload => wishes.try_send(Some(answer)).is_ok(),
        Request::Activate { model } => {
            let typed = model;
            chores.searches.try_send(Search { typed, answer }).is_ok()
        }
        Request::SelectRecipe { recipe } => {
            let typed = recipe;
            orders.try_send(Order::Select { typed, answer }).is_ok()
        }
        Request::Rollback => orders.try_send(Order::GoBack(answer)).is_ok(),
    }
}

/// The system's signals: SIGTERM, SIGINT and SIGQUIT stop the station, SIGHUP reads its configuration
/// again.
pub(super) struct SignalWatch {
    /// Receives once, when the station is to stop.
    pub(super) stop: Receiver<i32>,
    handle: Handle,
    watcher: thread::JoinHandle<()>,
}

impl SignalWatch {
    /// Asks for the signals.
    pub(super) fn start(wishes: Sender<Wish>) -> Result<Self, EdgeError> {
        let mut caught = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP]).map_err(|source| {
            let doing = "asking for the signals of the system";
            EdgeError::System { doing, source }
        })?;
        let handle = caught.handle();
        let (stopped, stop) = bounded(1);
        let watcher = thread::spawn(move || {
            for signal in &mut caught {
                let handed_on = match signal {
                    SIGHUP => wishes.try_send(None).is_ok(),
                    // A second signal of the same meaning adds nothing.
                    signal => stopped.try_send(signal).is_ok(),
                };
                if !handed_on {
                    log::debug!("signal {signal} while another one waits");
                }
            }
        });
        Ok(Self {
            stop,
            handle,
            watcher,
        })
    }

    /// Catches no more signals.
    pub(super) fn finish(self) {
        self.handle.close();
        if self.watcher.join().is_err() {
            log::warn!("the thread that waits for signals panicked");
        }
    }
}
