//! What a changeover decides by, and what it says.

use super::TrialSpec;

/// So many starts in a row in which a model was not proven bring the model before it back. One alone may be a
/// fault of the moment.
pub const STARTS_MAX: u32 = 3;

/// A model, as whoever keeps models numbers them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Model(pub u64);

/// Which model is in charge, and which one was before it. It is what is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// It judges, or is to be started.
    pub active: Model,
    /// It comes back if the active one can't be used.
    pub previous: Option<Model>,
}

/// How long the steps of a changeover may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeoverSpec {
    /// Time in which the candidate has to be proven.
    pub proof_max_us: u64,
    /// For so long a moment is waited for in which no part awaits an answer.
    pub moment_max_us: u64,
    /// From the order to close until the new process is ready. Parts that come meanwhile are rejected.
    pub switch_max_us: u64,
    /// A record that could not be written is tried again after this time.
    pub record_again_us: u64,
    /// The new model's first parts.
    pub trial: TrialSpec,
}

/// Why another model can't even be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNow {
    /// One at a time.
    #[error("another model is being taken over")]
    UnderWay,
    /// Nothing to do.
    #[error("this model is active already")]
    Active,
    /// The machine chooses.
    #[error("the recipe lines choose the model of this station")]
    ByRecipe,
    /// The station is being stopped.
    #[error("the station stops")]
    Closing,
}

/// Why a model did not go live; the one before it is in charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its process has ended before it was proven.
    NotProven,
    /// Its proof took too long.
    ProofTooLong,
    /// Its process has ended while it waited for its moment.
    CandidateLost,
    /// There was no moment in which no part awaited an answer.
    NoMoment,
    /// The process before it has not ended.
    NotReleased,
    /// Its process has ended before it was ready.
    NotOpened,
    /// Its process was not ready in time.
    OpenTooLong,
    /// It could not be recorded.
    NotRecorded,
    /// It failed on trial before it was recorded, or came back by itself before it could take over.
    OnTrial,
    /// Another one is wanted in its place.
    Withdrawn,
    /// The station is being stopped.
    Closing,
}

/// How a wish for another model has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is in charge, and recorded.
    Activated {
        /// Which.
        model: Model,
        /// From the start of its process until it was proven.
        proof_us: u64,
        /// From the last moment at which the process before it could judge to the first one at which this one
        /// could.
        switch_us: u64,
    },
    /// Nothing has changed.
    Refused {
        /// Which.
        model: Model,
        /// Why.
        why: Refusal,
    },
}

/// What ends a process and is no fault of its model: another one would fare no better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excuse {
    /// Its camera, or the recording in its place.
    Camera,
    /// The machine: a driver, a library, plans, memory, a disk. Until another process is ready, parts that nobody
    /// could inspect are no fault of the model either.
    Machine,
}

/// Why the model before it came back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollBack {
    /// Too many of its first parts could not be inspected.
    Misses,
    /// Its process ended too often on trial.
    Ends,
    /// It could not be proven at [`STARTS_MAX`] starts in a row.
    Starts,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start a second process, which proves this model and waits.
    Prove(Model),
    /// Kill the second process.
    Discard,
    /// The process in charge is to let go of its camera and to end by itself.
    Release,
    /// The process in charge is gone: the second one is in charge from now on, and opens its camera.
    TakeOver,
    /// Kill the process in charge; the next one is started with the active model.
    Replace,
    /// The model before has come back by itself.
    RolledBack {
        /// The model that failed.
        from: Model,
        /// The one that is in charge.
        to: Model,
        /// Why.
        why: RollBack,
    },
    /// A wish is settled.
    Settle(Settlement),
    /// Write down which model is in charge; [`Changeover::recorded`](super::Changeover::recorded) follows.
    Record(Standing),
}

/// How far a wish for another model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is none.
    Settled,
    /// A second process proves the model.
    Proving(Model),
    /// It is proven, and waits until no part awaits an answer.
    Waiting(Model),
    /// The process in charge closes, or the new one opens its camera.
    Switching(Model),
    /// The new one judges; that it does is being written down.
    Recording(Model),
}
