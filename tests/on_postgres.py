"""The tests that run a second time with an index on PostgreSQL: every command, and the ways a run is recorded.

A test is listed under its module. What it opens itself it opens by :mod:`tests.indexes`, so that it
looks into the same index.
"""

from __future__ import annotations

from typing import Final

ON_POSTGRES: Final = {
    "cli/test_archive.py": (
        "test_the_example_of_a_month_and_a_seed_copies_those_runs_whole",
        "test_an_archived_run_is_found_and_shown_after_its_original_is_gone",
    ),
    "cli/test_compare.py": (
        "test_the_table_has_a_row_per_group_with_the_probability_to_beat_the_baseline",
        "test_best_sorts_and_limits",
    ),
    "cli/test_delete.py": (
        "test_the_example_of_a_task_and_an_expression_spares_what_goes_on",
        "test_a_run_killed_at_step_100_000_is_not_chosen_by_a_small_time_step",
        "test_runs_are_named_by_uid_part_of_it_time_stamp_or_last",
        "test_deleted_and_restored_is_byte_for_byte_what_it_was_with_the_same_row",
        "test_freed_kinds_go_and_the_run_stays",
        "test_the_same_runs_deleted_twice_at_once_are_deleted_once",
        "test_what_a_kill_broke_off_is_finished_and_told_by_the_next_command",
    ),
    "cli/test_diff.py": ("test_sections_hold_only_what_differs",),
    "cli/test_du.py": ("test_by_kind_archived_copies_and_the_trash_are_told_apart",),
    "cli/test_export.py": ("test_csv_goes_to_stdout_with_chosen_columns",),
    "cli/test_gc.py": ("test_what_is_older_goes_for_good_and_the_other_runs_stay",),
    "cli/test_grid.py": ("test_a_failure_has_exit_code_4_and_resume_repeats_it",),
    "cli/test_logs.py": ("test_it_prints_the_tables_and_lines", "test_following_ends_when_the_run_is_killed"),
    "cli/test_ls.py": (
        "test_json_is_one_document_with_every_column",
        "test_a_run_that_was_killed_is_lost",
        "test_runs_are_selected_by_every_option",
        "test_runs_are_sorted_by_any_name",
        "test_a_run_whose_files_cannot_be_read_is_marked",
    ),
    "cli/test_migrate.py": ("test_runs_move_to_another_task_and_keep_their_uid",),
    "cli/test_note.py": ("test_a_note_is_written_printed_and_removed",),
    "cli/test_path.py": ("test_it_prints_one_directory_and_nothing_else",),
    "cli/test_plot.py": ("test_the_numbers_are_written_as_csv_and_printed_as_json",),
    "cli/test_reindex.py": (
        "test_it_tells_how_many_runs_there_are",
        "test_a_run_whose_directory_was_deleted_leaves_the_table",
    ),
    "cli/test_reproduce.py": (
        "test_a_script_in_a_package_is_run_as_a_module",
        "test_checkout_gives_the_code_and_the_parameters",
    ),
    "cli/test_restore.py": ("test_a_migration_is_undone",),
    "cli/test_setup.py": ("test_the_data_root_it_is_given_is_the_one_that_commands_use",),
    "cli/test_show.py": (
        "test_everything_that_is_known_of_a_run_is_shown",
        "test_the_lineage_of_a_run_is_shown_from_its_first_ancestor_to_its_children",
    ),
    "cli/test_stop.py": ("test_a_run_is_stopped_and_shown_as_killed",),
    "cli/test_tag.py": ("test_tags_are_given_listed_and_taken_away", "test_a_tag_selects_runs"),
    "cli/test_tb.py": ("test_json_tells_labels_and_directories",),
    "cli/test_watch.py": ("test_each_running_run_has_one_line_and_no_other_has",),
    "easy_log/test_auto_resume.py": (
        "test_a_job_goes_on_from_its_own_last_run",
        "test_a_run_with_another_task_or_other_hyperparameters_is_not_its_own",
        "test_the_newest_of_a_chain_of_kills_is_continued",
        "test_a_run_is_continued_once",
    ),
    "easy_log/test_exp_loader.py": (
        "test_a_pretrained_model_is_loaded_for_another_task",
        "test_a_run_is_resumed_after_its_start",
    ),
    "easy_log/test_life.py": (
        "test_an_uncaught_exception_fails_the_run_with_its_traceback",
        "test_kill_9_is_seen_as_lost_with_the_values_that_were_dumped",
        "test_a_lost_run_that_speaks_again_is_running_again",
        "test_a_forked_child_may_record_a_run_of_its_own",
        "test_worker_processes_are_safe_with_every_start_method",
    ),
    "easy_log/test_resume.py": (
        "test_the_new_run_is_a_child_of_the_old_one_with_its_names_and_hyperparameters",
        "test_the_summary_covers_what_came_before",
        "test_a_run_is_named_in_every_way",
        "test_a_run_that_is_still_recorded_is_refused_with_the_way_out",
    ),
    "easy_log/test_ends.py": ("test_a_start_without_a_thread_to_spare_still_records",),
    "hermes/test_bad_days.py": (
        "test_an_interrupted_batch_goes_on_with_what_has_not_succeeded",
        "test_a_killed_hermes_loses_no_job_what_runs_is_taken_over",
        "test_what_was_done_with_the_same_commit_is_skipped_in_any_batch",
    ),
    "hermes/test_managing.py": (
        "test_jobs_are_listed_shown_and_found_from_the_repository",
        "test_jobs_and_other_runs_are_deleted_and_restored_as_one_operation",
        "test_a_job_that_runs_is_not_deleted_and_can_be_stopped",
    ),
    "hermes/test_status.py": ("test_a_finished_batch_is_told_with_its_failures",),
    "manage/test_annotate.py": (
        "test_a_table_that_is_made_anew_has_them_again",
        "test_a_run_that_is_recorded_is_tagged_and_goes_on",
        "test_tags_at_the_same_time_are_all_kept",
    ),
    "manage/test_archive.py": ("test_a_rebuild_finds_the_same_places",),
    "manage/test_delete.py": (
        "test_of_an_archived_run_only_the_original_goes_unless_the_copy_is_asked_for",
        "test_a_run_of_another_root_is_never_judged",
        "test_two_deletes_of_the_same_set_at_once_are_one",
        "test_a_delete_against_an_archive_leaves_whole_copies_only",
    ),
    "manage/test_migrate.py": (
        "test_archived_copies_move_along",
        "test_a_taken_name_and_a_taken_index_get_the_next_number",
        "test_one_index_of_two_roots_keeps_one_row",
    ),
    "manage/test_restore.py": (
        "test_the_last_delete_is_undone_to_the_last_byte_rows_and_places_too",
        "test_freed_kinds_come_back_to_where_the_run_is_now",
    ),
    "runs/test_query.py": (
        "test_every_part_must_hold",
        "test_a_regular_expression_sees_the_uncut_values",
        "test_a_glob_sees_days_and_names",
        "test_since_and_until_cut_the_time",
        "test_tags_and_batches_select",
        "test_runs_are_named_by_uid_beginning_stamp_or_last",
        "test_a_name_of_no_run_or_of_several_is_an_error",
        "test_runs_are_sorted_by_columns_hyperparameters_and_recorded_values",
        "test_a_key_that_no_run_has_is_an_error_that_names_those_there_are",
        "test_a_key_with_a_null_is_known",
        "test_a_running_run_is_asked_with_what_it_has_dumped_by_now",
        "test_a_killed_run_is_lost_and_its_last_step_counts",
        "test_a_run_that_goes_on_elsewhere_is_running_while_it_speaks",
        "test_the_selected_rows_are_what_the_files_say",
    ),
    "sweep/test_bad_days.py": ("test_a_parent_that_is_killed_leaves_variants_that_the_next_call_takes_over",),
    "sweep/test_grid.py": ("test_frame_has_a_row_for_the_newest_run_of_each_variant",),
    "sweep/test_search.py": ("test_the_mean_over_the_seeds_counts",),
}
"""Names of tests by module."""

ONLY_THERE: Final = {"test_a_script_in_a_package_is_run_as_a_module", "test_checkout_gives_the_code_and_the_parameters"}
"""What takes seconds, and has others beside it that run on SQLite, runs on PostgreSQL only."""
