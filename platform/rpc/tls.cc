#include "platform/rpc/tls.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>

#include "absl/strings/str_cat.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace milepost::rpc {
namespace {

constexpr unsigned kRefreshSeconds = 10;

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using File = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

Certificate ReadCertificate(const std::string& path) {
  const File file(BIO_new_file(path.c_str(), "r"));
  return Certificate(file == nullptr ? nullptr
                                     : PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
}

absl::Status Check(const TlsFiles& files) {
  const Certificate certificate = ReadCertificate(files.cert_file);
  if (certificate == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("no certificate can be read from '", files.cert_file, "'"));
  }
  const File file(BIO_new_file(files.key_file.c_str(), "r"));
  const Key key(file == nullptr ? nullptr
                                : PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("no private key can be read from '", files.key_file, "'"));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return absl::FailedPreconditionError(absl::StrCat("the key in '", files.key_file,
                                                      "' is not that of the certificate in '",
                                                      files.cert_file, "'"));
  }
  if (ReadCertificate(files.ca_file) == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("no CA certificate can be read from '", files.ca_file, "'"));
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::experimental::CertificateProviderInterface> Watch(const TlsFiles& files) {
  return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key_file, files.cert_file, files.ca_file, kRefreshSeconds);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(const TlsFiles& files) {
  if (absl::Status status = Check(files); !status.ok()) return status;
  grpc::experimental::TlsServerCredentialsOptions options(Watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> PeerCredentials(const TlsFiles& files) {
  if (absl::Status status = Check(files); !status.ok()) return status;
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

absl::StatusOr<absl::Time> CertificateNotAfter(const std::string& cert_file) {
  const Certificate certificate = ReadCertificate(cert_file);
  std::tm tm{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &tm) != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("no certificate can be read from '", cert_file, "'"));
  }
  return absl::FromTM(tm, absl::UTCTimeZone());
}

}  // namespace milepost::rpc
