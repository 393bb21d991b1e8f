#include "controller/kube/tls_context_cache.h"

namespace kr::kube {

StatusOr<std::shared_ptr<boost::asio::ssl::context>> TlsContextCache::Current() {
  if (!credentials_.cluster().server.tls) return std::shared_ptr<boost::asio::ssl::context>();
  KR_ASSIGN_OR_RETURN(std::shared_ptr<const TlsMaterial> material, credentials_.Tls());
  MutexLock lock(mu_);
  if (context_ != nullptr && material == material_) return context_;
  auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_client);
  KR_RETURN_IF_ERROR(ConfigureTls(context->native_handle(), *material, credentials_.peer()));
  material_ = std::move(material);
  context_ = std::move(context);
  return context_;
}

}  // namespace kr::kube
