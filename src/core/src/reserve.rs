//! Models that are kept proven beside the one in charge, so that a switch to one of them need not wait for its
//! proof: decisions without processes.
//!
//! Each has a process of its own, which waits without a camera. One is proven at a time, and only while the line
//! runs and no other model is on its way. Whoever starts the processes may have no memory for one: it says that
//! the process has ended, and is asked again after a while. A model without a process in reserve is proven when
//! it is wanted, as if there were no reserve.

use heapless::Vec as FixedVec;

use crate::changeover::Model;

/// Most models in reserve.
pub const RESERVE_MAX: usize = 15;

/// How a reserve is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReserveSpec {
    /// So many models at most; none: there is no reserve.
    pub most: usize,
    /// Time in which a process has to prove its model.
    pub proof_max_us: u64,
    /// A model that could not be kept is tried again after this time.
    pub again_us: u64,
}

/// A process that waits, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spare {
    /// Its model.
    pub model: Model,
    /// The process.
    pub generation: u64,
    /// Whether the model is proven.
    pub is_proven: bool,
    since_us: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveOrder {
    /// Start a process that proves this model and waits; [`Reserve::started`] follows.
    Start(Model),
    /// End the process of this generation.
    End(u64),
}

/// The state machine.
#[derive(Debug)]
pub struct Reserve {
    spec: ReserveSpec,
    /// The most important first.
    wanted: FixedVec<Model, RESERVE_MAX>,
    spares: FixedVec<Spare, RESERVE_MAX>,
    /// Models that could not be kept, and until when they are left alone.
    refused: FixedVec<(Model, u64), RESERVE_MAX>,
    /// All processes are to be started anew.
    is_stale: bool,
}

impl Reserve {
    /// Empty.
    pub fn new(spec: ReserveSpec) -> Self {
        Self {
            spec,
            wanted: FixedVec::new(),
            spares: FixedVec::new(),
            refused: FixedVec::new(),
            is_stale: false,
        }
    }

    /// Which models are worth a process, the most important first. What was refused before may be tried at once.
    pub fn keep(&mut self, models: impl IntoIterator<Item = Model>) {
        self.wanted.clear();
        for model in models {
            if !self.wanted.contains(&model) && self.wanted.push(model).is_err() {
                break;
            }
        }
        self.refused.clear();
    }

    /// The processes that wait go by what does not hold any more.
    pub fn renew(&mut self) {
        self.is_stale = !self.spares.is_empty();
    }

    /// Whether a process is one of these.
    pub fn has(&self, generation: u64) -> bool {
        self.spares
            .iter()
            .any(|spare| spare.generation == generation)
    }

    /// Those that wait, or are about to.
    pub fn spares(&self) -> &[Spare] {
        &self.spares
    }

    /// The process of this model is wanted elsewhere, if there is one that goes by what holds.
    pub fn take(&mut self, model: Model) -> Option<Spare> {
        if self.is_stale {
            return None;
        }
        let place = self.spares.iter().position(|spare| spare.model == model)?;
        Some(self.spares.remove(place))
    }

    /// A process was started, or is about to be.
    pub fn started(&mut self, model: Model, generation: u64, now_us: u64) {
        let spare = Spare {
            model,
            generation,
            is_proven: false,
            since_us: now_us,
        };
        let kept = self.spares.push(spare);
        debug_assert!(kept.is_ok(), "no more are started than are wanted");
    }

    /// A process has proven its model.
    pub fn proven(&mut self, generation: u64) {
        let mut spares = self.spares.iter_mut();
        if let Some(spare) = spares.find(|spare| spare.generation == generation) {
            spare.is_proven = true;
        }
    }

    /// A process has ended, or could not be started.
    pub fn ended(&mut self, generation: u64, now_us: u64) {
        let place = self
            .spares
            .iter()
            .position(|spare| spare.generation == generation);
        if let Some(place) = place {
            let model = self.spares.remove(place).model;
            self.refuse(model, now_us);
        }
    }

    /// What is to be done now; to be asked until there is nothing. `may_start`: the line runs, and no other model
    /// is on its way. `active` is in charge.
    pub fn poll(&mut self, now_us: u64, active: Model, may_start: bool) -> Option<ReserveOrder> {
        self.refused.retain(|(_, until_us)| *until_us > now_us);
        let kept = self.kept(active);
        let is_useless = |spare: &Spare| self.is_stale || !kept.contains(&spare.model);
        if let Some(place) = self.spares.iter().position(is_useless) {
            return Some(ReserveOrder::End(self.spares.remove(place).generation));
        }
        self.is_stale = false;
        let is_late = |spare: &Spare| {
            !spare.is_proven && now_us >= spare.since_us.saturating_add(self.spec.proof_max_us)
        };
        if let Some(place) = self.spares.iter().position(is_late) {
            let Spare {
                model, generation, ..
            } = self.spares.remove(place);
            self.refuse(model, now_us);
            return Some(ReserveOrder::End(generation));
        }
        if !may_start || self.spares.iter().any(|spare| !spare.is_proven) {
            return None;
        }
        let is_missing = |model: &&Model| {
            !self.spares.iter().any(|spare| spare.model == **model)
                && !self.refused.iter().any(|(refused, _)| refused == *model)
        };
        kept.iter()
            .find(is_missing)
            .copied()
            .map(ReserveOrder::Start)
    }

    /// When to poll next, if nothing happens until then.
    pub fn next_poll_us(&self) -> Option<u64> {
        let proofs = self.spares.iter().filter(|spare| !spare.is_proven);
        let late = proofs.map(|spare| spare.since_us.saturating_add(self.spec.proof_max_us));
        let again = self.refused.iter().map(|(_, until_us)| *until_us);
        late.chain(again).min()
    }

    /// The models that there is a place for. The one in charge needs none.
    fn kept(&self, active: Model) -> FixedVec<Model, RESERVE_MAX> {
        let others = self.wanted.iter().copied().filter(|model| *model != active);
        others.take(self.spec.most.min(RESERVE_MAX)).collect()
    }

    fn refuse(&mut self, model: Model, now_us: u64) {
        let until_us = now_us.saturating_add(self.spec.again_us);
        self.refused.retain(|(refused, _)| *refused != model);
        // There are never more than models that are wanted; one too many is tried a little early.
        self.refused.push((model, until_us)).ok();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPEC: ReserveSpec = ReserveSpec {
        most: 2,
        proof_max_us: 100,
        again_us: 50,
    };

    fn orders(
        reserve: &mut Reserve,
        now_us: u64,
        active: u64,
        may_start: bool,
    ) -> Vec<ReserveOrder> {
        std::iter::from_fn(|| {
            let order = reserve.poll(now_us, Model(active), may_start)?;
            if let ReserveOrder::Start(model) = order {
                reserve.started(model, 100 + model.0, now_us);
            }
            Some(order)
        })
        .collect()
    }

    fn three() -> Reserve {
        let mut reserve = Reserve::new(SPEC);
        reserve.keep([1, 2, 3].map(Model));
        reserve
    }

    #[test]
    fn one_is_proven_at_a_time_as_many_as_there_are_places_for() {
        let mut reserve = three();
        assert_eq!(orders(&mut reserve, 0, 9, false), []);
        assert_eq!(
            orders(&mut reserve, 0, 9, true),
            [ReserveOrder::Start(Model(1))]
        );
        assert_eq!(reserve.next_poll_us(), Some(100));
        reserve.proven(101);
        assert_eq!(
            orders(&mut reserve, 5, 9, true),
            [ReserveOrder::Start(Model(2))]
        );
        reserve.proven(102);
        assert_eq!(orders(&mut reserve, 9, 9, true), []);
        assert_eq!(reserve.next_poll_us(), None);
        let taken = reserve.take(Model(2)).unwrap();
        assert!(taken.is_proven && taken.generation == 102 && !reserve.has(102));
        // It is in charge now, and its place is free for another one ...
        assert_eq!(
            orders(&mut reserve, 10, 2, true),
            [ReserveOrder::Start(Model(3))]
        );
        // ... that makes way when it is not in charge any more.
        assert_eq!(
            orders(&mut reserve, 20, 9, true),
            [ReserveOrder::End(103), ReserveOrder::Start(Model(2))]
        );
    }

    #[test]
    fn what_could_not_be_kept_is_left_alone_for_a_while() {
        let mut reserve = three();
        orders(&mut reserve, 0, 9, true);
        reserve.ended(101, 10);
        assert_eq!(
            orders(&mut reserve, 10, 9, true),
            [ReserveOrder::Start(Model(2))]
        );
        // It hangs.
        assert_eq!(reserve.next_poll_us(), Some(60));
        assert_eq!(
            orders(&mut reserve, 110, 9, true),
            [ReserveOrder::End(102), ReserveOrder::Start(Model(1))]
        );
        reserve.proven(101);
        assert_eq!(orders(&mut reserve, 159, 9, true), []);
        assert_eq!(
            orders(&mut reserve, 160, 9, true),
            [ReserveOrder::Start(Model(2))]
        );
    }

    #[test]
    fn stale_ones_are_ended_and_never_taken() {
        let mut reserve = three();
        orders(&mut reserve, 0, 9, true);
        reserve.proven(101);
        reserve.renew();
        assert_eq!(reserve.take(Model(1)), None);
        assert_eq!(
            orders(&mut reserve, 1, 9, true),
            [ReserveOrder::End(101), ReserveOrder::Start(Model(1))]
        );
        reserve.keep([Model(3)]);
        assert_eq!(
            orders(&mut reserve, 2, 9, true),
            [ReserveOrder::End(101), ReserveOrder::Start(Model(3))]
        );
    }

    proptest! {
        /// Never more processes than places, never two of a model, never one of the model in charge, and no process
        /// that is forgotten.
        #[test]
        fn a_reserve_keeps_its_bounds(
            steps in proptest::collection::vec((0_u64..60, 0_u8..7, 0_u64..5), 0..200)
        ) {
            let mut reserve = three();
            let (mut now_us, mut active, mut generations) = (0, 4, 0);
            let mut alive = std::collections::BTreeMap::new();
            for (wait_us, what, which) in steps {
                now_us += wait_us;
                let some = alive.keys().nth(which as usize).copied();
                match (what, some) {
                    (0, Some(generation)) => reserve.proven(generation),
                    (1, Some(generation)) => {
                        alive.remove(&generation);
                        reserve.ended(generation, now_us);
                    }
                    (2, _) => active = which,
                    (3, _) => reserve.keep([which, (which + 1) % 5, (which + 2) % 5].map(Model)),
                    (4, _) => reserve.renew(),
                    (5, _) => {
                        if let Some(spare) = reserve.take(Model(which)) {
                            prop_assert_eq!(alive.remove(&spare.generation), Some(Model(which)));
                            active = which;
                        }
                    }
                    _ => {}
                }
                while let Some(order) = reserve.poll(now_us, Model(active), what != 6) {
                    match order {
                        ReserveOrder::Start(model) => {
                            prop_assert!(what != 6 && model != Model(active));
                            generations += 1;
                            alive.insert(generations, model);
                            reserve.started(model, generations, now_us);
                        }
                        ReserveOrder::End(generation) => {
                            prop_assert!(alive.remove(&generation).is_some());
                        }
                    }
                }
                prop_assert_eq!(alive.len(), reserve.spares().len());
                prop_assert!(alive.len() <= SPEC.most);
                let models: std::collections::BTreeSet<_> = alive.values().collect();
                prop_assert_eq!(models.len(), alive.len());
                prop_assert!(!models.contains(&Model(active)));
                prop_assert!(alive.keys().all(|generation| reserve.has(*generation)));
            }
        }
    }
}
