"""How the Gradio app looks, and how its events run."""

import gradio as gr

# Seconds. A batch is read while it waits and runs: its files have to be there until its end.
DELETE_EVERY, DELETE_AFTER = 60, 900
QUEUE = 200  # events that may wait; who comes then is told to come again
# Pages whose films are kept in memory. Any client can say that it is another one: of more of them, who was
# idle the longest has to choose the film again.
SESSIONS = 350
# Events that answer at once. None of them is part of the API.
EVENTS = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
LATEST = EVENTS | {"trigger_mode": "always_last"}  # where settings change faster than panels are drawn
THEME = gr.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover_dark="*primary_800",
    # Gradio's default greys have too little contrast for many readers.
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
)
