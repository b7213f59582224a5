//! The pure part of twinspect: what the trainer and the device must agree on to the last bit.
//!
//! In the order in which a part passes through: a [`frame::FramePair`] becomes a prepared part, an
//! engine (elsewhere) turns that into maps, the score turns maps into a verdict, and the gate
//! turns verdicts into actions of the reject line.
//!
//! The camera's side: [`pairing`] finds which depth and which colour show one moment, [`lag`] how old a
//! picture is, [`colour`] makes red, green and blue of its bytes, [`align`] lays depth onto colour, [`recovery`] brings a
//! camera back, [`quality`] says how good its pictures are, [`survey`] where the bare belt lies in them, and [`camera_fit`] whether it is
//! the camera of the model.
//!
//! The line's side: [`belt`] and [`trigger`] turn edges, numbered as in [`sequence`], into parts, or what
//! [`lookout`] sees in the pictures of a camera that runs freely; [`freshness`] asks whether a picture shows its part; [`gate`] keeps places and outcomes;
//! [`readiness`], [`supervision`] and [`handshake`] speak to the machine and watch the inspect
//! process; [`demotion`] says when its engine is given up for another one, [`changeover`] when another model
//! takes over. [`station`] joins them and is what the line process and the simulator run.
//!
//! **What is absent**: no input or output, no threads, no clock, no global state, no `unsafe`.
//! Times come in as numbers, results go out as values.
#![forbid(unsafe_code)]

pub mod align;
pub mod belt;
pub mod blur;
pub mod camera_fit;
pub mod challenge;
pub mod changeover;
pub mod colour;
pub mod demotion;
pub mod frame;
pub mod freshness;
pub mod gate;
pub mod handshake;
pub mod lag;
pub mod lookout;
pub mod modality;
pub mod number;
pub mod pairing;
pub mod picture;
pub mod plane;
pub mod prepare;
pub mod quality;
pub mod readiness;
pub mod recipe;
pub mod recovery;
pub mod reserve;
pub mod score;
pub mod sequence;
pub mod station;
pub mod statistics;
pub mod supervision;
pub mod survey;
pub mod trigger;
pub mod verdict;
