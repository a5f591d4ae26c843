#pragma once

#include "target-svc/domain/tree_shape.h"

namespace milepost::target::tree {

// A set of constraints that cannot be met together at `top`, below which nothing collides: what it
// says of itself and of all constraints (`by_all`). See tree_solve.h.
TreeCollision FindCollision(const Tree& tree, const Ranges& ranges, uint32_t top,
                            const Wide& by_all);

}  // namespace milepost::target::tree
