//! Whether two people stand behind a broken glass, as of now.

use super::Glass;
use crate::{
    change::{deciding, independence},
    core::World,
};
use interlock_policy::Fact;

/// Whether another person than whoever broke it has confirmed it, and wrote none of the change. What cannot be told is no.
pub fn two_people(world: &World, glass: &Glass) -> bool {
    let Some((second, _, _)) = glass.confirmed else { return false };
    let Some(change) = world.change.of_release(glass.release) else { return false };
    let open = |id| world.people.account(id).is_some_and(|it| !it.closed);
    let independent = independence(world, change, &deciding(world, second, None));
    open(second)
        && open(glass.broken_by)
        && !world.people.same_person(second, glass.broken_by)
        && independent.iter().all(|(_, fact)| *fact == Fact::Bool(false))
}
