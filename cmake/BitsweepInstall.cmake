# SPDX-License-Identifier: Apache-2.0
# What is installed, and the Debian packages made of it: one component each for the server, the worker and the command.
#
#   cmake --install build/release --prefix DIR [--component server|worker|cli]
#   cpack --config build/release/CPackConfig.cmake -B build/packages
include(GNUInstallDirs)
set(BITSWEEP_MAINTAINER "Bitsweep maintainers <maintainers@bitsweep.invalid>" CACHE STRING
  "Who the Debian packages name as their maintainer")
set(package_files "${CMAKE_BINARY_DIR}/package")
set(bitsweep_components)
set(bitsweep_made)

# bitsweep_install(PROGRAM COMPONENT SECTION): the program, its manual page and what install_files.cmake adds.
function(bitsweep_install program component section)
  if(NOT TARGET ${program})
    return()
  endif()
  set(bitsweep_components ${bitsweep_components} ${component} PARENT_SCOPE)
  if(component STREQUAL "worker" AND BITSWEEP_TORCH_CPU)
    # LibTorch lies outside of the system's folders: the installed program finds it there too.
    get_filename_component(torch_folder "${BITSWEEP_TORCH_CPU}" DIRECTORY)
    set_target_properties(${program} PROPERTIES INSTALL_RPATH "${torch_folder}")
  endif()
  install(TARGETS ${program} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT ${component})
  set(page "${package_files}/${program}.${section}")
  set(rest "${CMAKE_SOURCE_DIR}/docs/man/${program}.${section}.roff")
  add_custom_command(OUTPUT "${page}.gz" DEPENDS ${program} "${rest}"
    COMMAND env -i $<TARGET_FILE:${program}> --man-page ${section} > "${page}"
    COMMAND cat "${rest}" >> "${page}"
    COMMAND gzip -9nf "${page}" VERBATIM)
  install(FILES "${page}.gz" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}" COMPONENT ${component})
  install(CODE "
    set(component ${component})
    set(program ${program})
    set(source \"${CMAKE_SOURCE_DIR}\")
    set(made \"${package_files}\")
    set(bindir \"${CMAKE_INSTALL_BINDIR}\")
    include(\"${CMAKE_SOURCE_DIR}/cmake/install_files.cmake\")" COMPONENT ${component})
  set(bitsweep_made ${bitsweep_made} "${page}.gz" PARENT_SCOPE)
endfunction()

bitsweep_install(bitsweep-server server 8)
bitsweep_install(bitsweep-worker worker 8)
bitsweep_install(bitsweep cli 1)

if(TARGET bitsweep)
  foreach(shell bash zsh fish)
    set(script "${package_files}/completion.${shell}")
    add_custom_command(OUTPUT "${script}" DEPENDS bitsweep
      COMMAND env -i $<TARGET_FILE:bitsweep> completion ${shell} > "${script}" VERBATIM)
    list(APPEND bitsweep_made "${script}")
  endforeach()
endif()
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  foreach(package bitsweep bitsweep-server bitsweep-worker)
    set(changelog "${package_files}/${package}/changelog.Debian.gz")
    file(MAKE_DIRECTORY "${package_files}/${package}")
    add_custom_command(OUTPUT "${changelog}" DEPENDS "${CMAKE_SOURCE_DIR}/CHANGELOG.md"
        "${CMAKE_SOURCE_DIR}/deploy/debian/changelog.py"
      COMMAND "${Python3_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/deploy/debian/changelog.py" "${CMAKE_SOURCE_DIR}/CHANGELOG.md"
        ${package} ${PROJECT_VERSION} 1 "${BITSWEEP_MAINTAINER}" "${changelog}" VERBATIM)
    list(APPEND bitsweep_made "${changelog}")
  endforeach()
endif()
file(MAKE_DIRECTORY "${package_files}")
add_custom_target(bitsweep_package_files ALL DEPENDS ${bitsweep_made})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bitsweep)
set(CPACK_PACKAGE_VENDOR Bitsweep)
set(CPACK_PACKAGE_CONTACT "${BITSWEEP_MAINTAINER}")
set(CPACK_COMPONENTS_ALL ${bitsweep_components})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
# /etc lies outside of the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_NAME bitsweep-server)
set(CPACK_DEBIAN_WORKER_PACKAGE_NAME bitsweep-worker)
set(CPACK_DEBIAN_CLI_PACKAGE_NAME bitsweep)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION science)
set(CPACK_DEBIAN_WORKER_PACKAGE_SECTION science)
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(about "Bitsweep runs sweeps of small neural networks, the kind that end up in
FPGAs, triggers and sensors: a server queues every training of an experiment
and keeps every result in SQLite, workers train.")
set(CPACK_COMPONENT_SERVER_DESCRIPTION "queue and store of sweeps of small neural networks
${about}

This package has the server, as a service of systemd that listens on loopback
until it is told otherwise.")
set(CPACK_COMPONENT_WORKER_DESCRIPTION "trains sweeps of small neural networks
${about}

This package has the worker, as a service of systemd. It trains with LibTorch
and with vector loops of its own.")
set(CPACK_COMPONENT_CLI_DESCRIPTION "command line for sweeps of small neural networks
${about}

This package has the command that submits sweeps to a server, follows them and
reads their results.")
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS bitsweep)
set(CPACK_DEBIAN_WORKER_PACKAGE_SUGGESTS bitsweep)
set(CPACK_DEBIAN_CLI_PACKAGE_SUGGESTS "bitsweep-server, bitsweep-worker, xdg-utils")
foreach(component SERVER WORKER)
  string(TOLOWER ${component} name)
  file(MAKE_DIRECTORY "${package_files}/${name}")
  set(CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA)
  foreach(file conffiles postinst prerm postrm)
    # CPack takes a control file's name from its own.
    configure_file("deploy/debian/${name}.${file}" "${package_files}/${name}/${file}" COPYONLY)
    list(APPEND CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA "${package_files}/${name}/${file}")
  endforeach()
endforeach()
include(CPack)
