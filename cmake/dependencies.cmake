# Everything here is a Debian 12 package (deploy/local/packages.txt); nothing is downloaded.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)  # CMake's own module; Debian ships no config file.
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(civetweb CONFIG REQUIRED)  # prometheus-cpp serves with it; so does the admin port.
find_package(GTest CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)

find_path(MYSQLCPPCONN_INCLUDE cppconn/driver.h REQUIRED)
find_library(MYSQLCPPCONN_LIBRARY mysqlcppconn REQUIRED)
add_library(mysqlcppconn SHARED IMPORTED)
set_target_properties(mysqlcppconn PROPERTIES
  IMPORTED_LOCATION ${MYSQLCPPCONN_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${MYSQLCPPCONN_INCLUDE})

# What milepostctl reads and writes spreadsheets with.
find_package(EXPAT REQUIRED)
find_path(LIBZIP_INCLUDE zip.h REQUIRED)
find_library(LIBZIP_LIBRARY zip REQUIRED)
find_path(XLSXWRITER_INCLUDE xlsxwriter.h REQUIRED)
find_library(XLSXWRITER_LIBRARY xlsxwriter REQUIRED)
add_library(spreadsheet_files INTERFACE)
target_link_libraries(spreadsheet_files INTERFACE EXPAT::EXPAT ${LIBZIP_LIBRARY} ${XLSXWRITER_LIBRARY})
target_include_directories(spreadsheet_files SYSTEM INTERFACE ${LIBZIP_INCLUDE} ${XLSXWRITER_INCLUDE})

# google/rpc/*.proto: rich error details. Compiled from the package, never copied.
find_path(GOOGLE_RPC_PROTO_ROOT google/rpc/status.proto
  PATHS /usr/share/gocode/src/github.com/gogo/googleapis REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
