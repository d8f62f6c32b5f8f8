{
  'variables': {
    # From the command line of `node-gyp configure`: -- -Dbuild_tests=1 -Dsanitize=address|thread -Dwarnings_as_errors=1.
    # Warnings are errors in the project's own check alone: a compiler that is newer than ours may have new ones.
    'build_tests%': 0,
    'sanitize%': '',
    'warnings_as_errors%': 0,
    # Asked of Node, because in another's project these packages lie beside this one and not below it.
    'pkcs11_headers': "<!(node -p \"path.resolve(require.resolve('pkcs11js/package.json'), '../includes/pkcs11')\")",
    'addon_headers': "<!(node -p \"path.dirname(require.resolve('node-addon-api/package.json'))\")",
    'core_sources': [
      'native/hardening.cc',
      'native/lane.cc',
      'native/lane_group.cc',
      'native/lane_port.cc',
      'native/mechanism.cc',
      'native/module.cc',
      'native/oaep.cc',
      'native/oaep_operations.cc',
      'native/object_operations.cc',
      'native/operations.cc',
      'native/return_value.cc',
      'native/ring.cc',
      'native/ring_memory.cc',
      'native/session.cc',
      'native/template.cc',
      'native/wire.cc',
      'native/wrap_operations.cc',
    ],
  },
  'target_defaults': {
    'cflags!': ['-O3', '-fno-exceptions', '-Wno-unused-parameter'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++20', '-std=gnu++17'],
    'cflags_cc': [
      '-std=c++20',
      '-Wall',
      '-Wextra',
      '-Wshadow',
      '-Wconversion',
      '-fstack-protector-strong',
      # Headers of others are not ours to warn about.
      '-isystem<(pkcs11_headers)',
      '-isystem<(addon_headers)',
      '-isystem<(node_root_dir)/include/node',
    ],
    'include_dirs': ['native'],
    'ldflags': ['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'],
    'configurations': {
      'Release': {
        'cflags!': ['-O3'],
        'conditions': [['sanitize==""', { 'cflags_cc': ['-O2'] }, { 'cflags_cc': ['-O1'] }]],
      },
    },
    'conditions': [
      ['warnings_as_errors==1', { 'cflags': ['-Werror'] }],
      ['sanitize==""', { 'cflags_cc': ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'] }],
      ['sanitize=="address"', {
        'defines': ['SANITIZED'],
        'cflags_cc': ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g'],
        'ldflags': ['-fsanitize=address,undefined'],
      }],
      ['sanitize=="thread"', {
        'defines': ['SANITIZED', 'SANITIZED_THREAD'],
        'cflags_cc': ['-fsanitize=thread', '-g'],
        'ldflags': ['-fsanitize=thread'],
      }],
    ],
  },
  'targets': [
    {
      'target_name': 'strongroom',
      'sources': [
        '<@(core_sources)',
        'native/addon.cc',
        'native/js_doorbell.cc',
        'native/js_ring.cc',
        'native/js_thread_host.cc',
        'native/js_values.cc',
        'native/js_verifying_key.cc',
      ],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'],
      'cflags_cc': ['-fvisibility=hidden'],
      # Lanes may still run when the last environment that loaded the addon ends: its code has to stay.
      'ldflags': ['-Wl,-z,nodelete'],
    },
    {
      'target_name': 'hsm_host',
      'type': 'executable',
      'sources': ['<@(core_sources)', 'native/hsm_host.cc', 'native/process_id.cc'],
      'cflags_cc': ['-fPIE'],
      'ldflags!': ['-rdynamic'],
      'ldflags': ['-pie', '-Wl,--export-dynamic-symbol=getpid'],
      'libraries': ['-ldl', '-lpthread'],
    },
  ],
  'conditions': [
    ['build_tests==1', {
      'targets': [
        {
          'target_name': 'catch2',
          'type': 'static_library',
          'sources': ['test/native/catch2/catch2.cc'],
          # Compiled in seconds instead of minutes: neither optimised nor looked into by a sanitizer.
          'cflags_cc!': ['-O1', '-O2', '-D_FORTIFY_SOURCE=2', '-fsanitize=address,undefined', '-fsanitize=thread'],
          'configurations': { 'Release': { 'cflags_cc!': ['-O1', '-O2'] } },
        },
        {
          'target_name': 'native_tests',
          'type': 'executable',
          'dependencies': ['catch2'],
          'sources': ['<@(core_sources)', 'native/process_id.cc', '<!@(ls test/native/*.cc)'],
          'cflags_cc': ['-fPIE'],
          'ldflags': ['-pie'],
          'libraries': ['-ldl', '-lpthread'],
        },
        {
          # A module that is late, wrong or deadly where a test tells it to: build/Release/fault_module.so
          'target_name': 'fault_module',
          # Not a loadable module: node-gyp gives those the ending .node.
          'type': 'shared_library',
          'product_prefix': '',
          'product_extension': 'so',
          'sources': ['<!@(ls test/shim/*.c)'],
          'cflags': [
            '-Wall',
            '-Wextra',
            '-Wshadow',
            '-Wconversion',
            '-fvisibility=hidden',
            '-isystem<(pkcs11_headers)',
          ],
          'libraries': ['-ldl', '-lpthread'],
        },
        {
          # A disk that is full or fails where a test tells it to, for programs that are started with it: build/Release/disk_faults.so
          'target_name': 'disk_faults',
          'type': 'shared_library',
          'product_prefix': '',
          'product_extension': 'so',
          'sources': ['<!@(ls test/disk_faults/*.c)'],
          'cflags': ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-fvisibility=hidden'],
          'libraries': ['-ldl', '-lpthread'],
        },
      ],
    }],
  ],
}
