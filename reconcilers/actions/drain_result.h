#pragma once

// What a drain step leaves in its memo for the steps after it.
namespace kr::actions {

inline constexpr char kDrainResult[] = "result";
// Nothing that had to go is left on the node.
inline constexpr char kDrainComplete[] = "Complete";
// Best effort, on a node that is not ready: permits a reboot, never deleteNode or force.
inline constexpr char kDrainPartial[] = "Partial";

}  // namespace kr::actions
