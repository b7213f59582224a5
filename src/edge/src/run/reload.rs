//! Reads the configuration again, beside the line process: a disk may be slow, and lines may not.

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::thread;

use crossbeam_channel::{Sender, bounded};

use super::orders::Order;
use super::service::reply;
use super::station_lock::StationLock;
use crate::chaos::{self, Place};
use crate::config::{self, ConfigError, Loaded};
use crate::control::Reply;

/// Wishes that may wait. More are refused: each reads the file anyway.
const WISHES_MAX: usize = 2;

/// What is said where the reading itself went wrong; the panic has told what and where.
const PANICKED: &str = "reading the configuration has panicked, and the station goes on with the old one: please \
                        report it with the log";

/// Somebody wants the configuration to be read again, and may want to hear of it.
pub(super) type Wish = Option<Sender<Reply>>;

/// What the file says now.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) found: Result<Loaded, ConfigError>,
    pub(super) answer: Option<Sender<Reply>>,
}

/// Starts the thread that reads. It keeps the station's lock, which goes with the file.
pub(super) fn start(config: PathBuf, mut lock: StationLock, orders: Sender<Order>) -> Sender<Wish> {
    let (wishes, wished) = bounded::<Wish>(WISHES_MAX);
    thread::spawn(move || {
        for answer in wished {
            // A panic would let go of the station's lock, and of all reloads to come.
            let read = catch_unwind(|| {
                chaos::visit(Place::Reload);
                config::load_whole(&config)
            });
            let Ok(found) = read else {
                if let Some(answer) = &answer {
                    reply(answer, Reply::refused(PANICKED));
                }
                continue;
            };
            if let Err(error) = lock.follow() {
                log::error!("{error}");
            }
            let reading = Box::new(Reading { found, answer });
            if orders.send(Order::Adopt(reading)).is_err() {
                return;
            }
        }
    });
    wishes
}
