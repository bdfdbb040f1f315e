import type { Command } from 'commander';
import { LIMITS } from '../../../proto/limits.ts';
import { askOptions, hostOptions, octal, size, viewOptions } from './options.ts';
import type { Choose } from './program.ts';

/** Files out to the machines, and back from them. */
export function fileCommands(program: Command, choose: Choose): void {
  copyCommand(program, choose);
  fetchCommand(program, choose);
}

function copyCommand(program: Command, choose: Choose): void {
  const command = hostOptions(
    program
      .command('copy')
      .summary('copy a file or a folder to machines')
      .description(
        'Copies a file, or a folder with all that is in it, to the machines that are meant. Each host checks the digest, puts files in place all at once, and leaves alone what is there already.',
      )
      .argument('<file>', 'the file or folder here')
      .argument('<path>', 'the full path that it gets there: /etc/motd, not /etc/'),
  )
    .option('--owner <user>', "who owns it there (the agent's user where not said)")
    .option('--group <group>', 'its group there')
    .option('--mode <mode>', 'permissions of the file (as they are here where not said)', octal)
    .option('--check', 'say what would change, and change nothing');
  viewOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  muster copy -t 'web-*' nginx.conf /etc/nginx/nginx.conf --mode 0644
  muster copy -l role=web site /var/www/site --owner www-data --check
  muster copy -t all image.tar.gz /srv/image.tar.gz --ttl 2h --timeout 1h

A folder's files are added to what is there: nothing is removed. "site" and "site/" are the same. Links stay
links. An upload that was cut goes on where it was, here and on each host.`,
    )
    .action((file: string, path: string, options) =>
      choose(async (surroundings) =>
        (await import('../copy-command.ts')).copy(surroundings, file, path, options),
      ),
    );
}

function fetchCommand(program: Command, choose: Choose): void {
  const command = hostOptions(
    program
      .command('fetch')
      .summary('fetch a file or a folder from machines')
      .description(
        'Brings a file, or a folder with all that is in it, from each machine that is meant into a folder of its name here.',
      )
      .argument('<path>', 'the full path of the file or folder there'),
  )
    .option('-o, --out <folder>', "where the hosts' folders are made (the current one where not said)")
    .option('--force', 'overwrite files that are here already')
    .option(
      '--max-size <size>',
      'at most so much from each host, all or nothing (64MiB where not said)',
      size(LIMITS.outputCapMaxBytes),
    );
  askOptions(command)
    .option('--json', 'print each file as JSON, one object a line')
    .addHelpText(
      'after',
      `
Examples:
  muster fetch -t 'web-*' /etc/nginx/nginx.conf -o configs
  muster fetch -l role=db /var/log/postgresql -o logs --max-size 500MiB
  muster fetch -t web-1 /etc/hostname --force --json

A file comes to FOLDER/HOST/NAME. What a host sends is not trusted: names that lead elsewhere are refused, links
that do and devices are left out, and nothing is there before all of it is.`,
    )
    .action((path: string, options) =>
      choose(async (surroundings) =>
        (await import('../fetch-command.ts')).fetchFiles(surroundings, path, options),
      ),
    );
}
