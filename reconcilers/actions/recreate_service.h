#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "crds/v1alpha1/step.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// recreateService: a new load balancer for a Service of type LoadBalancer. By the type: it becomes
// a NodePort, its controller takes the load balancer away (finalizers and status.loadBalancer tell
// when), then it becomes a LoadBalancer again with all that the server had dropped. DeleteCreate
// deletes and makes it between the two, so that the first load balancer is gone before; BlueGreen
// has another Service with a load balancer stand in, from before the first until after the second.
//
// Before it writes: Report(ManagedByOther) when GitOps or a controller would interfere,
// Failed(RecreatedRecently) within `interval`, and it waits while the address is younger than
// address_stable_for. Afterwards the states in which it stops are named:
//   Failed(OldLoadBalancerRemains)  it is a NodePort, no second load balancer was asked for
//   Failed(RestoreRefused)          it is a NodePort, the old load balancer is gone
//   Failed(NoNewAddress)            it is as before, and its controller gives no address
//   Failed(Contended)               somebody else has set the type meanwhile
// The first two say the command that completes it. A Service that was deleted on the way (by
// DeleteCreate) is no state to stop in: it is made again, however long that takes.
//
// Memo: {"stage", "since", "addresses", "fields" (service::LoadBalancerFields), "held",
// "set"; "manifest" from the deletion on; "standIn" and "failure" of BlueGreen}: recreation.h.
StatusOr<std::unique_ptr<Action>> MakeRecreateService(const crds::RecreateService& params,
                                                      const cel::Scope& scope,
                                                      std::string_view path);

}  // namespace kr::actions
